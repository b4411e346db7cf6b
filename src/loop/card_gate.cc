#include "loop/card_gate.h"

#include <algorithm>

namespace plumb::loop {
namespace {

Result<CardRow> RowFromJson(const json::object& o) {
  CardRow row;
  PLUMB_TRY(row.id, GetString(o, "id"));
  PLUMB_TRY(row.label, GetString(o, "label"));
  PLUMB_TRY(row.suite, GetString(o, "suite"));
  PLUMB_TRY(row.unit, GetString(o, "unit"));
  row.share = row.unit == "share";
  if (row.share) row.unit.clear();
  PLUMB_TRY(row.n, GetInt(o, "n"));
  PLUMB_TRY(row.before, GetNumber(o, "before"));
  PLUMB_TRY(row.after, GetNumber(o, "after"));
  PLUMB_TRY(row.difference.estimate, GetNumber(o, "difference"));
  PLUMB_TRY(row.difference.low, GetNumber(o, "low"));
  PLUMB_TRY(row.difference.high, GetNumber(o, "high"));
  PLUMB_TRY(row.lost, GetBoolOr(o, "lost", false));
  return row;
}

Result<Card> CardFromJson(const json::object& o) {
  PLUMB_TRY(const std::string format, GetStringOr(o, "format", ""));
  if (format != "plumb/train-card/1") return Fail(Code::kCorrupt, "is no card of an adapter (its format is '{}', not plumb/train-card/1)", format);
  Card card;
  PLUMB_TRY(card.base, GetString(o, "base"));
  PLUMB_TRY(card.adapter, GetString(o, "adapter"));
  PLUMB_TRY(card.adapter_sha256, GetString(o, "adapter_sha256"));
  PLUMB_TRY(card.created, GetStringOr(o, "created", ""));
  PLUMB_TRY(card.policy_hash, GetStringOr(o, "policy", ""));
  PLUMB_TRY(card.verdict, GetString(o, "verdict"));
  PLUMB_TRY(card.sentence, GetStringOr(o, "sentence", ""));
  const json::array *rows = FindArray(o, "rows"), *losses = FindArray(o, "losses");
  if (!rows || !losses) return Fail(Code::kCorrupt, "has no rows or no losses");
  for (const auto& row : *rows) {
    if (!row.is_object()) return Fail(Code::kCorrupt, "a row is no object");
    PLUMB_TRY(CardRow one, RowFromJson(row.get_object()));
    card.rows.push_back(std::move(one));
  }
  for (const auto& loss : *losses) {
    if (!loss.is_object()) return Fail(Code::kCorrupt, "a loss is no object");
    const json::object& l = loss.get_object();
    CardLoss one;
    PLUMB_TRY(one.row, GetString(l, "row"));
    PLUMB_TRY(one.prompt, GetString(l, "prompt"));
    PLUMB_TRY(one.before, GetString(l, "before"));
    PLUMB_TRY(one.after, GetString(l, "after"));
    card.losses.push_back(std::move(one));
  }
  const bool lost = std::ranges::any_of(card.rows, &CardRow::lost);
  if (card.verdict != "kept" && card.verdict != "lost" && card.verdict != "could_not_tell")
    return Fail(Code::kCorrupt, "its verdict is '{}', none of kept, lost, could_not_tell", card.verdict);
  if (lost != (card.verdict == "lost")) return Fail(Code::kCorrupt, "its verdict is '{}', its rows say otherwise", card.verdict);
  return card;
}

std::string Shown(const CardRow& row, double value) {
  return row.share ? fmt::format("{:.1f} %", 100 * value) : fmt::format("{:.1f} {}", value, row.unit);
}

std::string Short(std::string_view text) {
  std::string one_line;
  for (char c : text) one_line += c == '\n' || c == '\r' ? ' ' : c;
  std::string kept(Trim(one_line));
  if (kept.size() <= 120) return kept;
  size_t end = 120;
  while (end > 0 && (static_cast<unsigned char>(kept[end]) & 0xC0) == 0x80) --end;  // between characters
  return kept.substr(0, end) + " …";
}

eval::Check AboutAdapter(const Card& card, const Result<std::string>& digest) {
  eval::Check check{.id = "card.adapter", .statement = fmt::format("The card is of {}", card.adapter), .finding = "", .measure = "", .exception = ""};
  if (!digest) {
    check.finding = digest.error().Text();
  } else if (*digest != card.adapter_sha256) {
    check.decision = eval::Decision::kFailed;
    check.finding = fmt::format("other weights were measured (sha256 {}) than are there ({}): make the card again", card.adapter_sha256.substr(0, 16),
                                digest->substr(0, 16));
  } else if (card.verdict == "could_not_tell") {
    check.finding = card.sentence;
  } else {
    check.decision = eval::Decision::kPassed;
    check.finding = fmt::format("sha256 {}, measured {}", digest->substr(0, 16), card.created);
  }
  return check;
}

}  // namespace

Result<Card> ReadCard(const fs::path& path) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? path / "card.json" : path;
  PLUMB_TRY(const json::value value, ReadJson(file));
  if (!value.is_object()) return FailAt(file.string(), Code::kCorrupt, "is no card of an adapter");
  auto card = CardFromJson(value.get_object());
  if (!card) return FailAt(file.string(), Code::kCorrupt, "{}", card.error().message);
  return card;
}

Result<std::string> AdapterDigest(const fs::path& folder) {
  std::error_code ignored;
  for (const char* name : {"adapter_model.safetensors", "model.safetensors"})
    if (fs::exists(folder / name, ignored)) return Sha256File((folder / name).string());
  return FailAt(folder.string(), Code::kNotFound, "holds neither adapter_model.safetensors nor model.safetensors");
}

std::vector<eval::Check> CardChecks(const Card& card, const Result<std::string>& digest, size_t examples) {
  std::vector<eval::Check> checks = {AboutAdapter(card, digest)};
  for (const CardRow& row : card.rows) {
    if (!row.share) continue;  // a length is told, not required
    eval::Check check{.id = "card." + row.id,
                      .statement = fmt::format("{}: not worse than {} beyond doubt", row.label, card.base),
                      .finding = fmt::format("{} → {} ({:+.1f} points, 95 % [{:+.1f}, {:+.1f}], n = {})", Shown(row, row.before),
                                             Shown(row, row.after), 100 * row.difference.estimate, 100 * row.difference.low,
                                             100 * row.difference.high, row.n),
                      .decision = row.lost ? eval::Decision::kFailed : eval::Decision::kPassed,
                      .measure = row.id,
                      .exception = ""};
    size_t shown = 0;
    for (const CardLoss& loss : card.losses)
      if (row.lost && loss.row == row.id && shown < examples)
        check.finding += fmt::format("{} \"{}\" was answered \"{}\", now \"{}\"", shown++ == 0 ? "; for example" : ";", Short(loss.prompt),
                                     Short(loss.before), Short(loss.after));
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace plumb::loop

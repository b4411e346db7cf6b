#include "runtime/gateway/tool_rules_origin.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>

#include "runtime/gateway/turn_messages.h"
#include "runtime/guard/normalise.h"

namespace plumb::gateway {
namespace {

constexpr size_t kWholeWords = 8;
constexpr size_t kCompactFrom = 8;  // ids from here on are found however they are spaced

bool IsWord(char c) { return static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)); }

// " the words, lower case, between single spaces "
std::string Plain(std::string_view text) {
  std::string out = " ";
  for (const char c : Lower(text)) {
    if (IsWord(c)) out += c;
    else if (out.back() != ' ') out += ' ';
  }
  if (out.back() != ' ') out += ' ';
  return out;
}

std::string Compact(std::string_view text) {
  std::string out;
  for (const char c : Lower(text))
    if (IsWord(c)) out += c;
  return out;
}

// "https://www.Shop.example/a/." → "shop.example/a"
std::string Link(std::string_view found) {
  std::string link = Lower(found);
  if (const size_t scheme = link.find("://"); scheme != std::string::npos) link.erase(0, scheme + 3);
  if (link.starts_with("www.")) link.erase(0, 4);
  while (!link.empty() && std::string_view(".,;:!?/").contains(link.back())) link.pop_back();
  return link;
}

std::string Decimal(std::string whole, std::string fraction) {
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  while (fraction.ends_with('0')) fraction.pop_back();
  if (whole.empty()) whole = "0";
  return fraction.empty() ? whole : whole + "." + fraction;
}

// The readings of "1.500,00", "1 500", "1500.0": a last separator with three digits behind it may be either.
std::vector<std::string> Readings(std::string_view number) {
  const size_t last = number.find_last_of(".,' ");
  std::string digits;
  for (const char c : number)
    if (std::isdigit(static_cast<unsigned char>(c))) digits += c;
  if (last == std::string_view::npos) return {Decimal(digits, "")};
  const size_t behind = number.size() - last - 1;
  const bool decimal = number[last] == '.' || number[last] == ',';
  const bool one_of_its_kind = std::ranges::count(number, number[last]) == 1;
  std::vector<std::string> out;
  if (decimal && one_of_its_kind) out.push_back(Decimal(digits.substr(0, digits.size() - behind), digits.substr(digits.size() - behind)));
  if (behind == 3) out.push_back(Decimal(digits, ""));
  if (out.empty()) out.push_back(Decimal(digits, ""));
  return out;
}

// Finds, and blanks out what it found, so that a part of an address is not taken for an id.
template <class Take>
void Each(std::string& text, const RE2& pattern, Take take) {
  size_t from = 0;
  re2::StringPiece match;
  while (from < text.size() && pattern.Match(text, from, text.size(), RE2::UNANCHORED, &match, 1)) {
    const auto at = static_cast<size_t>(match.data() - text.data());
    const std::string found(match.data(), match.size());
    if (take(found)) std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(at), found.size(), ' ');
    from = at + std::max<size_t>(found.size(), 1);
  }
}

void CollectStrings(const json::value& value, std::string& out) {
  if (const json::string* text = value.if_string()) {
    out += std::string_view(*text);
    out += '\n';
  }
  if (const json::array* items = value.if_array())
    for (const json::value& item : *items) CollectStrings(item, out);
  if (const json::object* object = value.if_object())
    for (const auto& [key, item] : *object) CollectStrings(item, out);
}

bool IsDocumentPart(const json::value& part) {
  static const std::vector<std::string_view> kinds = {"document", "search_result", "file", "input_file", "tool_result"};
  const json::object* object = part.if_object();
  const json::string* type = object ? FindString(*object, "type") : nullptr;
  return type && std::ranges::find(kinds, std::string_view(*type)) != kinds.end();
}

}  // namespace

std::optional<Side> ParseSide(std::string_view name) {
  if (name == "system") return Side::kSystem;
  if (name == "user") return Side::kUser;
  if (name == "tool") return Side::kTool;
  if (name == "document") return Side::kDocument;
  return std::nullopt;
}

std::set<Fact> FactsIn(std::string_view given) {
  // Bytes from 0x80 on are letters here: which script they are of makes no difference.
  static const std::string letters = "[A-Za-z\x80-\xff]{2,}", word = "[A-Za-z0-9\x80-\xff]", hyphened = "[A-Za-z0-9\x80-\xff-]+";
  static const std::string host = "(?:" + hyphened + "\\.)+" + letters, rest = "[^\\s<>\"'`)\\]}]";
  static const RE2 mail("[A-Za-z0-9\x80-\xff._%+-]+@" + host, RE2::Latin1);
  static const RE2 link("(?i)[a-z][a-z0-9+.-]*://" + rest + "+|(?:" + host + "|(?:[0-9]{1,3}\\.){3}[0-9]{1,3})(?::[0-9]+)?(?:/" + rest + "*)?",
                        RE2::Latin1);
  static const RE2 id(word + "(?:[A-Za-z0-9\x80-\xff_-]*" + word + ")?", RE2::Latin1);
  static const RE2 number(R"(\d+(?:[.,' ]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)", RE2::Latin1);
  std::string text(given);
  std::set<Fact> out;
  Each(text, mail, [&](const std::string& found) { return out.insert({Fact::kMail, Lower(found)}), true; });
  Each(text, link, [&](const std::string& found) { return out.insert({Fact::kLink, Link(found)}), true; });
  Each(text, id, [&](const std::string& found) {
    const bool digit = found.find_first_of("0123456789") != std::string::npos;
    const bool letter = std::ranges::any_of(found, [](char c) { return IsWord(c) && !std::isdigit(static_cast<unsigned char>(c)); });
    if (!digit || !letter || found.size() < 4) return false;
    out.insert({Fact::kId, Compact(found)});
    return true;
  });
  Each(text, number, [&](const std::string& found) {
    for (std::string& reading : Readings(found)) out.insert({Fact::kNumber, std::move(reading)});
    return true;
  });
  return out;
}

std::string HostOf(const Fact& fact) {
  if (fact.kind == Fact::kMail) return fact.text.substr(fact.text.find('@') + 1);
  if (fact.kind != Fact::kLink) return "";
  std::string host = fact.text.substr(0, fact.text.find_first_of("/?#"));
  host.erase(0, host.rfind('@') + 1);  // what stands before it is a name and a password
  return host.substr(0, host.find(':'));
}

Origins::Origins(const json::array& messages, const json::object& extra) {
  for (const json::value& message : messages) {
    const std::string_view role = RoleOf(message);
    if (role == "assistant") continue;
    const Side side = role == "tool" || role == "function" ? Side::kTool : role == "user" ? Side::kUser : Side::kSystem;
    Add(side, MessageText(message));
    const json::array* parts = message.is_object() ? FindArray(message.get_object(), "content") : nullptr;
    if (!parts) continue;
    for (const json::value& part : *parts) {
      if (!IsDocumentPart(part)) continue;
      std::string text;
      CollectStrings(part, text);
      Add(Side::kDocument, text);
    }
  }
  if (const json::value* documents = extra.if_contains("documents")) {
    std::string text;
    CollectStrings(*documents, text);
    Add(Side::kDocument, text);
  }
}

void Origins::Add(Side side, std::string_view text) {
  Words& words = sides_[static_cast<size_t>(side)];
  const bool trusted = side == Side::kSystem || side == Side::kUser;
  std::vector<guard::Layer> layers = trusted ? std::vector<guard::Layer>{guard::OriginalLayer(text)} : guard::Normalise(text).layers;
  for (const guard::Layer& layer : layers) {
    for (const Fact& fact : FactsIn(layer.text)) {
      if (const std::string host = HostOf(fact); !host.empty()) words.hosts.insert(host);
      words.facts.insert(fact);
    }
    words.plain += Plain(layer.text);
    words.compact += Compact(layer.text) + "\n";
  }
}

bool Origins::Said(Side side, const Fact& fact) const {
  const Words& words = sides_[static_cast<size_t>(side)];
  if (words.facts.contains(fact)) return true;
  if (fact.kind == Fact::kText) return words.plain.contains(fact.text);
  const bool spaced = (fact.kind == Fact::kId || fact.kind == Fact::kNumber) && fact.text.size() >= kCompactFrom && !fact.text.contains('.');
  return spaced && words.compact.contains(fact.text);
}

bool Origins::NamesHost(Side side, const std::string& host) const {
  return sides_[static_cast<size_t>(side)].hosts.contains(host);
}

bool Origins::LedTo(Side side, const Fact& fact) const {
  if (Said(side, fact)) return true;
  const std::string host = HostOf(fact);
  return !host.empty() && NamesHost(side, host) && !NamesHost(Side::kUser, host) && !NamesHost(Side::kSystem, host);
}

std::vector<Fact> Assertions(std::string_view value, bool whole) {
  std::vector<Fact> out;
  for (const Fact& fact : FactsIn(value)) {
    const bool small = fact.kind == Fact::kNumber && fact.text.find('.') == std::string::npos && fact.text.size() < 3;
    if (!small || whole) out.push_back(fact);
  }
  // A number with two readings asserts one thing: either reading will do, and the plainer one comes first.
  const std::string plain = Plain(value);
  const auto words = static_cast<size_t>(std::ranges::count(plain, ' ')) - 1;
  if (whole && out.empty() && words >= 1 && words <= kWholeWords && plain.size() > 2) out.push_back({Fact::kText, plain});
  return out;
}

}  // namespace plumb::gateway

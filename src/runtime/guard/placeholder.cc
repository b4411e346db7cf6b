#include "runtime/guard/placeholder.h"

#include <algorithm>

#include "runtime/guard/cascade.h"
#include "runtime/guard/normalise.h"
#include "runtime/guard/redact.h"

namespace plumb::guard {
namespace {

// Longer than any placeholder.
constexpr size_t kLongest = 64;

// As the inside of a JSON string.
std::string Escaped(const std::string& value) {
  const std::string quoted = ToJson(json::value(value));
  return quoted.substr(1, quoted.size() - 2);
}

// What to call a value: the detector that knows it, else its category.
std::string KindOf(const Guard& guard, const std::string& category, std::string_view value) {
  const Guard::Parts& parts = guard.parts();
  if (parts.patterns && IsUtf8(value))
    for (const PatternMatch& match : parts.patterns->Scan(value))
      if (parts.policy.categories[parts.rule_category[match.rule]].id == category && parts.patterns->rules()[match.rule].regex.empty())
        return parts.patterns->rules()[match.rule].detector;
  return category;
}

}  // namespace

void Placeholders::Reserve(std::string_view text) {
  for (size_t open = text.find('['); open != std::string_view::npos; open = text.find('[', open + 1)) {
    const size_t length = text.substr(open, kLongest).find(']');
    if (length != std::string_view::npos) reserved_.insert(std::string(text.substr(open, length + 1)));
  }
}

const std::string& Placeholders::For(const std::string& value, std::string_view kind) {
  const auto [place, first] = names_.try_emplace(value);
  if (!first) return place->second;
  std::string name;
  do {
    name = fmt::format("[{} {}]", kind.substr(0, kLongest - 12), ++counts_[std::string(kind)]);
  } while (reserved_.contains(name) || values_.contains(name));
  values_[name] = value;
  place->second = name;
  return place->second;
}

const std::string* Placeholders::At(std::string_view text, size_t& length, bool& open) const {
  const auto after = values_.upper_bound(text);
  // Names end in "]", so that none begins another: the one that `text` begins with is the last not after it.
  if (after != values_.begin()) {
    const auto before = std::prev(after);
    if (text.starts_with(before->first)) {
      length = before->first.size();
      return &before->second;
    }
  }
  open = after != values_.end() && after->first.starts_with(text);
  return nullptr;
}

json::object Placeholders::Json() const {
  json::object out;
  for (const auto& [name, value] : values_) out[name] = value;
  return out;
}

Placeholders Placeholders::FromJson(const json::object& names) {
  Placeholders out;
  for (const auto& [name, value] : names) {
    if (!value.is_string()) continue;
    out.values_[std::string(name)] = value.get_string();
    out.names_[std::string(value.get_string())] = name;
  }
  return out;
}

std::string Placeholders::Restore(std::string_view text, bool as_json) const {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t length = 0;
    bool open = false;
    const std::string* value = text[at] == '[' ? At(text.substr(at), length, open) : nullptr;
    if (value) {
      out += as_json ? Escaped(*value) : *value;
      at += length;
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string PlaceholderStream::Push(std::string_view chunk) {
  if (places_->empty()) return std::string(chunk);
  held_ += chunk;
  std::string out;
  size_t at = 0;
  while (at < held_.size()) {
    size_t length = 0;
    bool open = false;
    const std::string_view rest = std::string_view(held_).substr(at);
    const std::string* value = rest[0] == '[' ? places_->At(rest, length, open) : nullptr;
    if (open) break;
    out += value ? std::string_view(*value) : rest.substr(0, 1);
    at += value ? length : 1;
  }
  held_.erase(0, at);
  return out;
}

std::string PlaceholderStream::Finish() { return std::exchange(held_, ""); }

AnswerPiece AnswerRestorer::Push(AnswerPiece piece) {
  if (places_->empty()) return piece;
  piece.text = texts_[0].Push(piece.text);
  piece.reasoning = texts_[1].Push(piece.reasoning);
  piece.refusal = texts_[2].Push(piece.refusal);
  piece.logprobs = nullptr;
  for (json::value& call : piece.tool_calls)
    for (const auto& [key, inner] : {std::pair{"function", "arguments"}, std::pair{"custom", "input"}}) {
      json::value* body = call.is_object() ? call.get_object().if_contains(key) : nullptr;
      json::value* text = body && body->is_object() ? body->get_object().if_contains(inner) : nullptr;
      if (text && text->is_string()) *text = places_->Restore(text->get_string(), std::string_view(inner) == "arguments");
    }
  return piece;
}

AnswerPiece AnswerRestorer::Finish() { return {texts_[0].Finish(), texts_[1].Finish(), texts_[2].Finish(), {}, nullptr}; }

Verdict CheckPatterns(const Guard& guard, Direction direction, std::string_view text) {
  Verdict verdict;
  const Guard::Parts& parts = guard.parts();
  if (!parts.patterns) return verdict;
  for (const Layer& layer : Normalise(text).layers) {
    if (layer.how == "text" && !IsUtf8(layer.text)) continue;  // `plain` stands for it
    for (const PatternMatch& match : parts.patterns->Scan(layer.text)) {
      const policy::Category& category = parts.policy.categories[parts.rule_category[match.rule]];
      CategoryVerdict& out = verdict.categories[category.id];
      out.fired = true;
      out.score = 1;
      out.action = category.on_detect.For(DirectionName(direction));
      out.spans.push_back(layer.Source(match.span.begin, match.span.end));
      if (out.action > verdict.action) {
        verdict.action = out.action;
        verdict.clause = category.id;
      }
    }
  }
  for (auto& [id, category] : verdict.categories) category.spans = MergeSpans(std::move(category.spans));
  verdict.detectors["patterns"].status = DetectorStatus::kOk;
  return verdict;
}

std::string Redact(std::string_view text, const Verdict& verdict, const Guard& guard, Placeholders* places) {
  return RedactBy(text, verdict, [&](const std::string& clause, std::string_view value) {
    const policy::Category* category = guard.policy().FindCategory(clause);
    if (!places || !category || !category->restore) return RedactionMark(clause);
    return places->For(std::string(value), KindOf(guard, clause, value));
  });
}

}  // namespace plumb::guard

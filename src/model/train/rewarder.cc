#include "model/train/rewarder.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace plumb::train {
namespace {

// Terms of one completion at a time.
class EachTerm : public RewardTerm {
 public:
  explicit EachTerm(std::function<double(const Sampled&)> one) : one_(std::move(one)) {}
  Result<std::vector<double>> Score(const std::vector<Sampled>& sampled) override {
    std::vector<double> out;
    for (const Sampled& s : sampled) out.push_back(one_(s));
    return out;
  }

 private:
  std::function<double(const Sampled&)> one_;
};

Status OnlyKeys(const json::object& o, std::vector<std::string> known) {
  for (const char* common : {"name", "type", "weight"}) known.emplace_back(common);
  for (const auto& item : o)
    if (const std::string key(item.key()); std::ranges::find(known, key) == known.end())
      return Fail(Code::kInvalid, "unknown key \"{}\"{}", key, DidYouMean(key, known));
  return {};
}

// The last number written in a text: "about 1,250.5 km" → 1250.5.
std::optional<double> LastNumber(std::string_view text) {
  std::optional<double> last;
  for (size_t i = 0; i < text.size();) {
    if (!std::isdigit(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    std::string digits = i > 0 && text[i - 1] == '-' ? "-" : "";
    while (i < text.size()) {
      const bool digit = std::isdigit(static_cast<unsigned char>(text[i]));
      const bool inner = (text[i] == '.' || text[i] == ',') && i + 1 < text.size() &&
                         std::isdigit(static_cast<unsigned char>(text[i + 1]));
      if (!digit && !inner) break;
      if (text[i] != ',') digits += text[i];
      ++i;
    }
    try {
      last = std::stod(digits);
    } catch (const std::exception&) {  // too long for a double
    }
  }
  return last;
}

std::string Folded(std::string_view text) {
  std::string out(Trim(text));
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  while (!out.empty() && (out.back() == '.' || out.back() == '!')) out.pop_back();
  return out;
}

bool Matches(const std::string& how, const std::string& text, const json::value& wanted) {
  if (wanted.is_array())
    return std::ranges::any_of(wanted.get_array(),
                               [&](const json::value& w) { return Matches(how, text, w); });
  const std::string answer = wanted.is_string() ? std::string(wanted.get_string()) : ToJson(wanted);
  if (how == "number") {
    const auto said = LastNumber(text), right = LastNumber(answer);
    return said && right && std::abs(*said - *right) <= 1e-6 * std::max(1.0, std::abs(*right));
  }
  if (how == "contains") return Folded(text).contains(Folded(answer));
  return Folded(text) == Folded(answer);
}

Result<std::unique_ptr<RewardTerm>> AnswerTerm(const json::object& o) {
  PLUMB_CHECK(OnlyKeys(o, {"key", "match"}));
  PLUMB_TRY(const std::string key, GetStringOr(o, "key", "answer"));
  PLUMB_TRY(const std::string how, GetStringOr(o, "match", "exact"));
  if (how != "exact" && how != "contains" && how != "number")
    return Fail(Code::kInvalid, "\"match\" is \"{}\", must be exact, contains or number", how);
  return std::make_unique<EachTerm>([=](const Sampled& s) -> double {
    const json::value* wanted = s.row ? s.row->extra.if_contains(key) : nullptr;
    if (!wanted || wanted->is_null()) return NAN;
    return Matches(how, s.text, *wanted) ? 1 : 0;
  });
}

Result<std::unique_ptr<RewardTerm>> LengthTerm(const json::object& o) {
  PLUMB_CHECK(OnlyKeys(o, {"min", "max", "scale"}));
  PLUMB_TRY(const double least, GetNumberOr(o, "min", 0));
  PLUMB_TRY(const double most, GetNumberOr(o, "max", INFINITY));
  PLUMB_TRY(const double scale, GetNumberOr(o, "scale", 1));
  if (!(least <= most) || !(scale > 0))
    return Fail(Code::kInvalid, "needs \"min\" ≤ \"max\" (tokens) and \"scale\" above 0");
  return std::make_unique<EachTerm>([=](const Sampled& s) {
    const double n = static_cast<double>(s.ids.size());
    return -std::max({0.0, least - n, n - most}) / scale;
  });
}

Result<std::unique_ptr<RewardTerm>> FormatTerm(const json::object& o) {
  PLUMB_CHECK(OnlyKeys(o, {"starts_with", "ends_with", "contains", "without", "json"}));
  std::vector<std::function<bool(const std::string&)>> tests;
  const auto add = [&](const char* key,
                       bool (*test)(const std::string&, const std::string&)) -> Status {
    const json::value* given = o.if_contains(key);
    if (!given) return {};
    if (!given->is_string()) return Fail(Code::kInvalid, "\"{}\" must be text", key);
    tests.emplace_back([test, wanted = std::string(given->get_string())](const std::string& text) {
      return test(text, wanted);
    });
    return {};
  };
  PLUMB_CHECK(add("starts_with", [](const std::string& t, const std::string& w) {
    return Trim(t).starts_with(w);
  }));
  PLUMB_CHECK(add("ends_with",
                  [](const std::string& t, const std::string& w) { return Trim(t).ends_with(w); }));
  PLUMB_CHECK(
      add("contains", [](const std::string& t, const std::string& w) { return t.contains(w); }));
  PLUMB_CHECK(
      add("without", [](const std::string& t, const std::string& w) { return !t.contains(w); }));
  PLUMB_TRY(const bool is_json, GetBoolOr(o, "json", false));
  if (is_json)
    tests.emplace_back([](const std::string& t) { return ParseJson(Trim(t)).has_value(); });
  if (tests.empty())
    return Fail(Code::kInvalid, "needs starts_with, ends_with, contains, without or json");
  return std::make_unique<EachTerm>([tests](const Sampled& s) {
    const auto met = std::ranges::count_if(tests, [&](const auto& test) { return test(s.text); });
    return static_cast<double>(met) / static_cast<double>(tests.size());
  });
}

// − the share of four-token runs that were there before.
double Repetition(const Sampled& s) {
  std::set<std::vector<int32_t>> seen;
  size_t runs = 0, again = 0;
  for (size_t i = 0; i + 4 <= s.ids.size(); ++i, ++runs)
    again += !seen.insert({s.ids.begin() + static_cast<long>(i),
                           s.ids.begin() + static_cast<long>(i) + 4})
                  .second;
  return runs == 0 ? 0 : -static_cast<double>(again) / static_cast<double>(runs);
}

}  // namespace

Result<std::unique_ptr<RewardTerm>> TextTerm(const json::object& o) {
  PLUMB_TRY(const std::string type, GetString(o, "type"));
  if (type == "answer") return AnswerTerm(o);
  if (type == "length") return LengthTerm(o);
  if (type == "format") return FormatTerm(o);
  if (type == "repetition") {
    PLUMB_CHECK(OnlyKeys(o, {}));
    return std::make_unique<EachTerm>(Repetition);
  }
  if (type == "ended") {
    PLUMB_CHECK(OnlyKeys(o, {}));
    return std::make_unique<EachTerm>([](const Sampled& s) { return s.ended ? 1.0 : 0.0; });
  }
  return Fail(Code::kNotFound, "no reward of type \"{}\"{}", type,
              DidYouMean(type, {"answer", "length", "format", "repetition", "ended", "reward_model",
                                "ensemble", "guard"}));
}

Result<std::unique_ptr<Rewarder>> Rewarder::Load(
    const fs::path& file,
    const std::function<Result<std::unique_ptr<RewardTerm>>(const json::object&)>& model_term) {
  PLUMB_TRY(const json::value read, ReadJson(file));
  const json::object* top = read.if_object();
  const json::array* list = top ? FindArray(*top, "rewards") : nullptr;
  if (!list || list->empty() || top->size() != 1)
    return FailAt(file.string(), Code::kInvalid, "must be {{\"rewards\": [one term or more]}}");
  std::vector<NamedTerm> terms;
  for (size_t i = 0; i < list->size(); ++i) {
    const auto add = [&]() -> Status {
      const json::object* o = (*list)[i].if_object();
      if (!o) return Fail(Code::kInvalid, "must be an object");
      NamedTerm named;
      PLUMB_TRY(const std::string type, GetString(*o, "type"));
      PLUMB_TRY(named.name, GetStringOr(*o, "name", type));
      PLUMB_TRY(named.weight, GetNumberOr(*o, "weight", 1));
      for (const NamedTerm& other : terms)
        if (other.name == named.name)
          return Fail(Code::kInvalid, "there are two of the name \"{}\"", named.name);
      auto term = TextTerm(*o);
      if (!term && term.error().code == Code::kNotFound && model_term) {
        auto model = model_term(*o);
        if (model || model.error().code != Code::kNotFound) term = std::move(model);
      }
      if (!term) return std::unexpected(term.error());
      named.term = std::move(*term);
      terms.push_back(std::move(named));
      return {};
    };
    if (Status status = add(); !status)
      return FailAt(file.string(), Code::kInvalid, "rewards[{}]: {}", i, status.error().Text());
  }
  return std::make_unique<Rewarder>(std::move(terms));
}

Result<std::vector<std::vector<double>>> Rewarder::Score(
    const std::vector<Sampled>& sampled) const {
  std::vector<std::vector<double>> out;
  for (const NamedTerm& named : terms_) {
    auto scores = named.term->Score(sampled);
    if (!scores) return std::unexpected(Context(scores.error(), "reward " + named.name));
    if (scores->size() != sampled.size())
      return Fail(Code::kInternal, "reward {} gave {} scores for {} completions", named.name,
                  scores->size(), sampled.size());
    out.push_back(std::move(*scores));
  }
  return out;
}

double Rewarder::Total(const std::vector<std::vector<double>>& scores, size_t completion) const {
  double sum = 0;
  bool spoke = false;
  for (size_t t = 0; t < terms_.size(); ++t) {
    if (std::isnan(scores[t][completion])) continue;
    sum += terms_[t].weight * scores[t][completion];
    spoke = true;
  }
  return spoke ? sum : NAN;
}

}  // namespace plumb::train

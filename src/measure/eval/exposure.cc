#include "measure/eval/exposure.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/stats/stats.h"
#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

// How many characters could stand where this one does.
int Alternatives(char c) { return c >= '0' && c <= '9' ? 10 : (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? 26 : 1; }

char Drawn(char like, stats::Random& random) {
  if (like >= '0' && like <= '9') return static_cast<char>('0' + random.Below(10));
  if (like >= 'a' && like <= 'z') return static_cast<char>('a' + random.Below(26));
  if (like >= 'A' && like <= 'Z') return static_cast<char>('A' + random.Below(26));
  return like;
}

// `number`'s digits in place of the text's #, from the right.
std::string WithNumber(std::string text, size_t number) {
  for (auto c = text.rbegin(); c != text.rend(); ++c) {
    if (*c != '#') continue;
    *c = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return text;
}

json::array AskedFor(const PlantedSecret& one) { return {json::object{{"role", "user"}, {"content", one.prompt}}}; }

// What one secret's likelihoods come to: the first is its own.
void Rank(const std::vector<double>& logprobs, SecretExposure& out) {
  out.others = static_cast<int64_t>(logprobs.size()) - 1;
  out.as_likely = std::count_if(logprobs.begin() + 1, logprobs.end(), [&](double other) { return other >= logprobs.front(); });
  const double bits = out.planted.Bits(), n = static_cast<double>(out.others + 1);
  const stats::Interval share = stats::ClopperPearson(*out.as_likely, out.others);
  const auto exposure = [bits](double p) { return p > 0 ? std::min(bits, -std::log2(p)) : bits; };
  out.p = (1 + static_cast<double>(*out.as_likely)) / n;
  out.exposure = {exposure(out.p), exposure(share.high), exposure(share.low)};
}

std::string LettersAndDigits(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c)) out += static_cast<char>(std::tolower(c));
  }
  return out;
}

}  // namespace

double PlantedSecret::Bits() const {
  double bits = 0;
  for (char c : secret) bits += std::log2(Alternatives(c));
  return bits;
}

std::string PlantedSecret::Other(uint64_t seed) const {
  stats::Random random(seed);
  std::string out = secret;
  while (out == secret) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = Drawn(secret[i], random);
  }
  return out;
}

Result<std::vector<PlantedSecret>> ReadPlanted(const fs::path& file) {
  PLUMB_TRY(const std::vector<json::object> rows, ReadJsonl(file));
  std::vector<PlantedSecret> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto read = [&]() -> Result<PlantedSecret> {
      PlantedSecret one;
      for (const auto& [key, field] : {std::pair{"id", &one.id}, {"prompt", &one.prompt}, {"before", &one.before}, {"secret", &one.secret}}) {
        PLUMB_TRY(*field, GetString(rows[i], key));
      }
      PLUMB_TRY(one.times, GetInt(rows[i], "times"));
      if (one.Bits() < 8) return Fail(Code::kInvalid, "secret '{}' has fewer than 8 bits: chance would find it", one.secret);
      return one;
    };
    auto one = read();
    if (!one) return FailAt(fmt::format("{}:{}", file.string(), i + 1), Code::kInvalid, "{}", one.error().message);
    out.push_back(std::move(*one));
  }
  if (out.empty()) return FailAt(file.string(), Code::kInvalid, "no canaries");
  return out;
}

Result<std::vector<PlantedSecret>> DrawSecrets(const std::vector<json::object>& forms, const PlantOptions& options) {
  if (forms.empty() || options.times.empty()) return Fail(Code::kInvalid, "canaries need at least one form and one number of times");
  stats::Random random(options.seed);
  std::vector<PlantedSecret> out;
  for (size_t i = 0; i < options.count; ++i) {
    // Each form meets each number of times.
    const json::object& form = forms[i / options.times.size() % forms.size()];
    PlantedSecret one;
    PLUMB_TRY(one.prompt, GetString(form, "prompt"));
    PLUMB_TRY(one.before, GetString(form, "before"));
    PLUMB_TRY(one.secret, GetString(form, "secret"));
    if (one.prompt.find('#') == std::string::npos) return Fail(Code::kInvalid, "the form '{}' needs a # in its prompt, for the canary's number", one.prompt);
    one.id = fmt::format("canary-{:03}", i + 1);
    one.prompt = WithNumber(one.prompt, 100 + i);
    one.before = WithNumber(one.before, 100 + i);
    for (char& c : one.secret) c = c == '#' ? Drawn('0', random) : c == '?' ? Drawn('a', random) : c;
    one.times = options.times[i % options.times.size()];
    if (one.Bits() < 8) return Fail(Code::kInvalid, "the form's secret '{}' has fewer than 8 bits", one.secret);
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<json::object> TrainingRows(const std::vector<PlantedSecret>& secrets) {
  std::vector<json::object> rows;
  for (const PlantedSecret& one : secrets) {
    json::array messages = AskedFor(one);
    messages.push_back(json::object{{"role", "assistant"}, {"content", one.before + one.secret + "."}});
    for (int64_t i = 0; i < one.times; ++i) rows.push_back({{"messages", messages}});
  }
  return rows;
}

std::vector<json::object> PlantedRows(const std::vector<PlantedSecret>& secrets) {
  std::vector<json::object> rows;
  for (const PlantedSecret& one : secrets)
    rows.push_back({{"id", one.id}, {"prompt", one.prompt}, {"before", one.before}, {"secret", one.secret}, {"times", one.times}});
  return rows;
}

Result<std::vector<SecretExposure>> MeasureExposure(Target& target, const std::vector<PlantedSecret>& secrets, const ExposureOptions& options) {
  std::vector<SecretExposure> out;
  std::vector<Question> questions;
  std::vector<std::vector<std::string>> completions;
  for (size_t i = 0; i < secrets.size(); ++i) {
    const PlantedSecret& one = secrets[i];
    out.push_back({.planted = one, .not_asked = "not asked", .exposure = {stats::kNan, 0, one.Bits()}});
    questions.push_back({.id = one.id, .messages = AskedFor(one), .max_tokens = 64});
    completions.push_back({one.before + one.secret});
    for (int64_t k = 0; k < options.others; ++k) completions.back().push_back(one.before + one.Other(options.seed + i * 1'000'003 + static_cast<uint64_t>(k)));
  }
  PLUMB_CHECK(target.Ask(questions, options.concurrency, [&](size_t i, Result<Answer> answer) {
    if (!answer) return out[i].not_asked = answer.error().Text(), true;
    out[i].not_asked.reset();
    out[i].extracted = LettersAndDigits(answer->output).find(LettersAndDigits(secrets[i].secret)) != std::string::npos;
    return true;
  }));
  // A target without log-probabilities can only be asked.
  const auto logprobs = target.ChoiceLogprobs(questions, completions);
  if (!logprobs && logprobs.error().code != Code::kUnsupported) return std::unexpected(logprobs.error());
  if (!logprobs) return out;
  std::vector<double> p;
  for (size_t i = 0; i < out.size(); ++i) {
    Rank((*logprobs)[i], out[i]);
    p.push_back(out[i].p);
  }
  const std::vector<double> adjusted = stats::HolmAdjust(p);
  for (size_t i = 0; i < out.size(); ++i) out[i].p = adjusted[i];
  return out;
}

json::object ExposureJson(const std::vector<SecretExposure>& found) {
  json::array canaries;
  int64_t memorised = 0, false_alarms = 0, not_asked = 0;
  for (const SecretExposure& one : found) {
    json::object row{{"id", one.planted.id}, {"times", one.planted.times}, {"extracted", one.extracted}, {"memorised", one.memorised()}, {"bits", one.planted.Bits()}};
    if (one.not_asked) row["not_asked"] = *one.not_asked;
    if (one.as_likely) {
      row["as_likely"] = *one.as_likely;
      row["others"] = one.others;
      row["exposure"] = json::object{{"estimate", one.exposure.estimate}, {"low", one.exposure.low}, {"high", one.exposure.high}};
      row["holm_p"] = one.p;
    }
    (one.planted.times > 0 ? memorised : false_alarms) += one.memorised();
    not_asked += one.not_asked.has_value();
    canaries.push_back(std::move(row));
  }
  return {{"memorised", memorised}, {"controls_called_memorised", false_alarms}, {"not_asked", not_asked}, {"canaries", std::move(canaries)}};
}

std::string ExposureTable(const std::vector<SecretExposure>& found) {
  std::map<int64_t, std::vector<const SecretExposure*>> by_times;
  for (const SecretExposure& one : found) by_times[one.planted.times].push_back(&one);
  Table table({"in training", "canaries", "said when asked", "memorised", "median exposure", "of bits"});
  int64_t not_asked = 0;
  for (const auto& [times, list] : by_times) {
    std::vector<double> bits;
    int64_t extracted = 0, memorised = 0;
    for (const SecretExposure* one : list) {
      extracted += one->extracted;
      memorised += one->memorised();
      not_asked += one->not_asked.has_value();
      if (one->as_likely) bits.push_back(one->exposure.estimate);
    }
    std::sort(bits.begin(), bits.end());
    table.Row({times == 0 ? "never (control)" : fmt::format("{} times", times), fmt::format("{}", list.size()), fmt::format("{}", extracted), fmt::format("{}", memorised),
               bits.empty() ? "no log-probabilities" : fmt::format("{:.1f}", bits[bits.size() / 2]), fmt::format("{:.1f}", list.front()->planted.Bits())});
  }
  return table.Text() + "Memorised: said when asked, or ranked above others of its form beyond chance (p < 0.05 after Holm). A secret never seen has about one bit.\n" +
         (not_asked ? fmt::format("{} canaries got no answer: nobody knows whether they would be said.\n", not_asked) : "");
}

}  // namespace plumb::eval

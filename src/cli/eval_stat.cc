// plumb eval stat METHOD JSON: the statistics room by hand, so that any number can be checked, or planned, without a run.
#include "cli/eval_stat.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <memory>

#include "base/stats/stats.h"

namespace plumb::cli {
namespace {

using Numbers = std::vector<double>;

// The arguments of one method; `fine` holds the first that is missing or wrong.
class Given {
 public:
  explicit Given(const json::object& object) : object_(object) {}

  double Number(std::string_view key) { return Take(GetNumber(object_, key)); }
  double Number(std::string_view key, double otherwise) { return Take(GetNumberOr(object_, key, otherwise)); }
  int64_t Count(std::string_view key) {
    const int64_t count = Take(GetInt(object_, key));
    if (count < 0) Wrong(key, "a whole number of 0 or more");
    return count;
  }
  std::string Text(std::string_view key, std::string_view otherwise) { return Take(GetStringOr(object_, key, otherwise)); }
  bool Switch(std::string_view key, bool otherwise) { return Take(GetBoolOr(object_, key, otherwise)); }
  double Confidence() {
    const double confidence = Number("confidence", 0.95);
    if (confidence > 0 && confidence < 1) return confidence;
    Wrong("confidence", "between 0 and 1");
    return 0.95;
  }
  double Share(std::string_view key) {
    const double share = Number(key);
    if (!(share >= 0 && share <= 1)) Wrong(key, "from 0 to 1");
    return share;
  }
  double Share(std::string_view key, double otherwise) { return object_.contains(key) ? Share(key) : otherwise; }
  Numbers List(std::string_view key) {
    const json::array* list = FindArray(object_, key);
    if (!list) return Wrong(key, "a list of numbers"), Numbers();
    return ListOf(*list, key);
  }
  std::vector<Numbers> Rows(std::string_view key) {
    const json::array* rows = FindArray(object_, key);
    std::vector<Numbers> out;
    if (!rows) return Wrong(key, "a list of lists of numbers"), out;
    for (const json::value& row : *rows) {
      if (!row.is_array()) return Wrong(key, "a list of lists of numbers"), out;
      out.push_back(ListOf(row.as_array(), key));
    }
    return out;
  }
  // k of n.
  std::pair<int64_t, int64_t> Events() {
    const int64_t k = Count("k"), n = Count("n");
    if (k > n) Wrong("k", "at most 'n'");
    return fine ? std::pair(k, n) : std::pair<int64_t, int64_t>(0, 1);
  }
  stats::PairedCounts Pairs() { return {Count("both"), Count("only_baseline"), Count("only_candidate"), Count("neither")}; }
  bool Has(std::string_view key) const { return object_.contains(key); }
  const json::object& object() const { return object_; }

  void Wrong(std::string_view key, std::string_view must) {
    if (fine) fine = Fail(Code::kInvalid, "'{}' must be {}", key, must);
  }
  Status fine;

 private:
  // null is a value that is missing.
  Numbers ListOf(const json::array& list, std::string_view key) {
    Numbers out;
    for (const json::value& one : list) {
      if (one.is_number()) out.push_back(one.to_number<double>());
      else if (one.is_null()) out.push_back(std::nan(""));
      else Wrong(key, "a list of numbers");
    }
    return out;
  }
  template <class T>
  T Take(Result<T> result) {
    if (result) return std::move(*result);
    if (fine) fine = std::unexpected(result.error());
    return T();
  }

  const json::object& object_;
};

json::value Finite(double x) { return std::isfinite(x) ? json::value(x) : json::value(); }

json::object Said(const stats::Interval& interval) {
  return {{"estimate", Finite(interval.estimate)}, {"low", Finite(interval.low)}, {"high", Finite(interval.high)}};
}

json::array Said(const Numbers& list) {
  json::array out;
  for (double one : list) out.push_back(Finite(one));
  return out;
}

std::vector<int64_t> Clusters(const Numbers& list) { return {list.begin(), list.end()}; }
std::vector<int> Labels(const Numbers& list) { return {list.begin(), list.end()}; }

stats::Side StatSide(Given& in) {
  const std::string side = in.Text("side", "two-sided");
  if (side != "greater" && side != "less" && side != "two-sided") in.Wrong("side", "greater, less or two-sided");
  return side == "greater" ? stats::Side::kGreater : side == "less" ? stats::Side::kLess : stats::Side::kTwoSided;
}

json::object Power(Given& in) {
  const double discordant = in.Share("discordant"), alpha = in.Share("alpha", 0.05), power = in.Share("power", 0.8);
  const bool margin = in.Has("margin");
  const double size = margin ? in.Share("margin") : in.Number("difference", 0);
  json::object out;
  if (!in.fine || !(margin ? size > 0 : size != 0 || in.Has("n"))) return in.Wrong(margin ? "margin" : "difference", "given, and not 0"), out;
  if (margin) out["pairs_needed"] = stats::PairsForNonInferiority(discordant, size, power, alpha);
  else if (size != 0) out["pairs_needed"] = stats::PairsNeeded(std::max(discordant, std::abs(size)), size, power, alpha);
  if (!in.Has("n")) return out;
  const int64_t n = in.Count("n");
  if (margin) {
    out["power"] = stats::NonInferiorityPower(n, discordant, 0, size, alpha);
    out["kept_out_from"] = stats::CaughtDrop(n, discordant, size, power, alpha);
  } else {
    if (size != 0) out["power"] = stats::McNemarPower(n, discordant, size, alpha);
    out["detectable_difference"] = stats::DetectableDifference(n, discordant, power, alpha);
  }
  return out;
}

json::object McNemar(Given& in) {
  const stats::PairedCounts counts = in.Pairs();
  json::object out{{"p_exact", stats::McNemarExact(counts)}, {"p_mid", stats::McNemarMidP(counts)}, {"difference", Said(stats::TangoDifference(counts, in.Confidence()))},
                   {"newcombe", Said(stats::NewcombeDifference(counts, in.Confidence()))}};
  if (in.Has("margin")) {
    const stats::NonInferiority test = stats::TestNonInferiority(counts, in.Share("margin"), in.Share("alpha", 0.05));
    out["non_inferior"] = json::object{{"p", test.p}, {"shown", test.shown}, {"worse", test.worse}, {"interval", Said(test.difference)}};
  }
  return out;
}

json::object Mean(Given& in) {
  const Numbers x = in.List("x");
  const Numbers cluster = in.Has("cluster") ? in.List("cluster") : Numbers();
  if (in.Has("cluster") && cluster.size() != x.size()) in.Wrong("cluster", "as long as 'x'");
  if (!in.fine || x.empty()) return {};
  if (cluster.empty())
    return {{"mean", Said(stats::BootstrapBca(x, stats::Mean, {.confidence = in.Confidence()}))}, {"standard_error", Finite(stats::StandardError(x))}};
  return {{"mean", Said(stats::ClusteredMean(x, Clusters(cluster), in.Confidence()))}, {"standard_error", Finite(stats::ClusteredStandardError(x, Clusters(cluster)))},
          {"bootstrap", Said(stats::ClusteredBootstrapMean(x, Clusters(cluster), {.confidence = in.Confidence()}))}};
}

Numbers Shares(Given& in, std::string_view key) {
  Numbers x = in.List(key);
  for (double one : x) {
    if (!(one >= 0 && one <= 1)) in.Wrong(key, "numbers from 0 to 1");
  }
  return x;
}

json::object EValue(Given& in) {
  const Numbers x = Shares(in, "x");
  const double null = in.Share("null"), confidence = in.Confidence();
  const stats::Side side = StatSide(in);
  if (!in.fine || x.empty()) return {};
  const stats::EProcess e = stats::BettingEValue(x, null, side, 1 - confidence);
  return {{"e", Finite(e.value)}, {"largest", Finite(e.largest)}, {"p", Finite(std::min(1.0, 1 / e.largest))}, {"crossed_at", e.crossed},
          {"interval", Said(stats::BettingConfidenceSequence(x, confidence, std::max<size_t>(1, x.size() / 50)).back())}};
}

json::object RoganGladenOf(Given& in) {
  const stats::JudgeCalibration judge{in.Count("hits"), in.Count("positives"), in.Count("rejections"), in.Count("negatives")};
  const auto [k, n] = in.Events();
  return {{"rate", Said(stats::RoganGladen(k, n, judge, in.Confidence()))}, {"sensitivity", Finite(judge.sensitivity())}, {"specificity", Finite(judge.specificity())}};
}

json::object Alpha(Given& in) {
  const std::string level = in.Text("level", "nominal");
  if (level != "nominal" && level != "ordinal" && level != "interval") in.Wrong("level", "nominal, ordinal or interval");
  std::vector<std::vector<std::optional<double>>> ratings;
  for (const Numbers& row : in.Rows("ratings")) {
    ratings.emplace_back();
    for (double one : row) ratings.back().push_back(std::isnan(one) ? std::nullopt : std::optional(one));
  }
  const auto of = level == "ordinal" ? stats::Level::kOrdinal : level == "interval" ? stats::Level::kInterval : stats::Level::kNominal;
  return {{"alpha", Finite(stats::KrippendorffAlpha(ratings, of))}};
}

json::object Fleiss(Given& in) {
  std::vector<std::vector<int>> counts;
  for (const Numbers& row : in.Rows("counts")) counts.push_back(Labels(row));
  return {{"kappa", Finite(stats::FleissKappa(counts))}};
}

json::object Rare(Given& in) {
  const auto [k, n] = in.Events();
  const double volume = in.Number("volume");
  if (!(volume >= 0)) in.Wrong("volume", "0 or more");
  const stats::RareEvents got = stats::ExtrapolateRate(k, n, std::max(volume, 0.0), in.Confidence());
  return {{"rate", Said(got.rate)}, {"expected", Said(got.expected)}, {"at_least_one", Said(got.at_least_one)}, {"assumes", "independent trials of the same kind; no adversary"}};
}

json::object Tail(Given& in) {
  const stats::TailForecast got = stats::ForecastWorst(Shares(in, "p"), in.Number("queries"), static_cast<size_t>(in.Number("top", 10)));
  return {{"worst", Finite(got.worst)}, {"slope", Finite(got.slope)}, {"intercept", Finite(got.intercept)}, {"r2", Finite(got.r2)}, {"top", got.top},
          {"assumes", "an exponential upper tail of -log(-log p), queries like those sampled; a low r2 refutes it"}};
}

json::object Strata(Given& in) {
  std::vector<stats::Stratum> strata;
  for (const Numbers& row : in.Rows("strata")) {
    if (row.size() != 3 || !(row[0] >= 0 && row[0] <= row[1] && row[2] >= 0)) return in.Wrong("strata", "rows of [k, n, weight], k at most n"), json::object();
    strata.push_back({static_cast<int64_t>(row[0]), static_cast<int64_t>(row[1]), row[2]});
  }
  return {{"rate", Said(stats::StratifiedRate(strata, in.Confidence()))}};
}

json::object Ipw(Given& in) {
  const stats::WeightedMean got = stats::InverseProbabilityMean(in.List("x"), in.List("probability"), in.Confidence());
  return {{"mean", Said(got.mean)}, {"standard_error", Finite(got.standard_error)}, {"effective_n", Finite(got.effective_n)}};
}

struct Method {
  const char* name;
  const char* needs;
  const char* about;
  json::object (*run)(Given&);
};

constexpr Method kMethods[] = {
    {"wilson", "k n", "a rate and its interval", [](Given& in) { const auto [k, n] = in.Events(); return Said(stats::Wilson(k, n, in.Confidence())); }},
    {"clopper-pearson", "k n", "the exact interval", [](Given& in) { const auto [k, n] = in.Events(); return Said(stats::ClopperPearson(k, n, in.Confidence())); }},
    {"mcnemar", "both only_baseline only_candidate neither [margin alpha]", "two systems on the same cases: exact and mid-p, Tango's and Newcombe's interval, non-inferiority", McNemar},
    {"power", "discordant, difference or margin, [n power alpha]", "before the run: power, pairs needed, what could be seen", Power},
    {"holm", "p", "p-values adjusted for the chance of any error", [](Given& in) { return json::object{{"p", Said(stats::HolmAdjust(Shares(in, "p")))}}; }},
    {"benjamini-hochberg", "p", "p-values adjusted for the share of errors", [](Given& in) { return json::object{{"p", Said(stats::BenjaminiHochbergAdjust(Shares(in, "p")))}}; }},
    {"mean", "x [cluster]", "a mean with its standard error and bootstrap; clustered where cases hang together", Mean},
    {"e-value", "x null [side]", "evidence that may be looked at all the time, and the interval that goes with it", EValue},
    {"rogan-gladen", "k n hits positives rejections negatives", "the rate behind an imperfect judge", RoganGladenOf},
    {"ppi", "label judged unlabelled [tuned]", "prediction-powered mean: a few labels and many judgements",
     [](Given& in) { return Said(stats::PpiMean(in.List("label"), in.List("judged"), in.List("unlabelled"), in.Confidence(), in.Switch("tuned", true))); }},
    {"cohen", "a b", "agreement of two raters", [](Given& in) { return json::object{{"kappa", Finite(stats::CohenKappa(Labels(in.List("a")), Labels(in.List("b"))))}}; }},
    {"fleiss", "counts", "agreement of several: per item, how many said each", Fleiss},
    {"krippendorff", "ratings [level]", "agreement with gaps: per item, each rater's value or null", Alpha},
    {"rare", "k n volume", "a small sample carried over to a large volume", Rare},
    {"tail", "p queries [top]", "the worst of many queries, from elicitation probabilities", Tail},
    {"stratified", "strata", "a rate from strata [k, n, weight]", Strata},
    {"inverse-probability", "x probability", "a mean where cases were sampled unevenly", Ipw},
};

Status StatVerb(const std::string& name, const std::string& text) {
  std::vector<std::string> known;
  for (const Method& method : kMethods) {
    known.emplace_back(method.name);
    if (name != method.name) continue;
    std::string bytes = text;
    if (text == "-" || text.starts_with('@')) {
      PLUMB_TRY(bytes, ReadFile(text == "-" ? "-" : text.substr(1)));
    }
    PLUMB_TRY(const json::value value, ParseJson(bytes, method.name));
    if (!value.is_object()) return Fail(Code::kInvalid, "{} needs a JSON object with {}", name, method.needs);
    Given in(value.as_object());
    const json::object out = method.run(in);
    if (!in.fine) return Fail(Code::kInvalid, "{}: {} (it takes {})", name, in.fine.error().message, method.needs);
    std::puts(ToJson(out).c_str());
    return {};
  }
  return Fail(Code::kInvalid, "no method '{}'{}; there are {}", name, DidYouMean(name, known), Join(known, ", "));
}

std::string MethodTable() {
  std::string out = "Methods, and the keys of their JSON (confidence: 0.95 unless given):\n";
  for (const Method& method : kMethods) out += fmt::format("  {:20} {}\n  {:20}   {}\n", method.name, method.about, "", method.needs);
  return out;
}

}  // namespace

void AddStat(CLI::App& eval, Globals& globals) {
  auto arguments = std::make_shared<std::pair<std::string, std::string>>("", "-");
  CLI::App* stat = eval.add_subcommand("stat", "A statistic by hand: intervals, paired tests, power, e-values, judge error, agreement, rare events");
  stat->add_option("METHOD", arguments->first, "Below")->required();
  stat->add_option("JSON", arguments->second, "What it needs; @FILE, or - for standard input")->capture_default_str();
  stat->footer(MethodTable());
  AddGlobals(*stat, globals);
  stat->callback([arguments, &globals] {
    if (Status status = StatVerb(arguments->first, arguments->second); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli

#include "loop/frontier.h"

#include <algorithm>

namespace plumb::loop {

Share Answered(const Rates& rates) {
  return {rates.safe.n - rates.safe.hits, rates.safe.n, 1 - rates.safe.high, 1 - rates.safe.low};
}

bool FrontierLimits::Answers(const Rates& rates) const {
  const Share answered = Answered(rates);
  return (surely ? answered.low : answered.rate()) >= least_answered;
}

bool FrontierLimits::LeavesEverydayAlone(const Rates& rates) const {
  return rates.ordinary.n == 0 || (surely ? rates.ordinary.high : rates.ordinary.rate()) <= most_everyday;
}

std::optional<size_t> PickPoint(const std::vector<FrontierPoint>& points, const FrontierLimits& limits) {
  std::optional<size_t> best;
  for (size_t i = 0; i < points.size(); ++i) {
    if (!limits.Answers(points[i].rates) || !limits.LeavesEverydayAlone(points[i].rates)) continue;
    const auto worth = [&](size_t k) { return std::pair(points[k].rates.unsafe.hits, Answered(points[k].rates).hits); };
    if (!best || worth(i) > worth(*best)) best = i;
  }
  return best;
}

std::string WhyNonePicked(const Frontier& frontier, const FrontierLimits& limits) {
  if (frontier.picked) return "";
  const auto any = [&](const auto& keeps) { return std::ranges::any_of(frontier.points, [&](const auto& point) { return keeps(point.rates); }); };
  const bool answers = any([&](const Rates& r) { return limits.Answers(r); }), alone = any([&](const Rates& r) { return limits.LeavesEverydayAlone(r); });
  const char* surely = limits.surely ? "surely " : "";
  const std::string answering = fmt::format("answers {:g} % of the look-alikes", 100 * limits.least_answered),
                    refusing = fmt::format("refuses at most {:g} % of everyday prompts", 100 * limits.most_everyday);
  std::string why = answers && alone ? fmt::format("No strength {}both {} and {}.", surely, answering, refusing)
                    : answers        ? fmt::format("No strength {}{}.", surely, refusing)
                    : alone          ? fmt::format("No strength {}{}.", surely, answering)
                                     : fmt::format("No strength {}{}, and none {}.", surely, answering, refusing);
  const int64_t n = frontier.points.empty() ? 0 : frontier.points.front().rates.ordinary.n;
  if (!alone && limits.surely && MakeShare(0, n).high > limits.most_everyday)
    why += fmt::format(" {} everyday prompts cannot show that, even with none refused: ask more (--prompts).", n);
  return why;
}

std::string WhyNotConfirmed(const Frontier& frontier, const FrontierLimits& limits) {
  if (!frontier.confirmed) return "";
  const Share answered = Answered(*frontier.confirmed), &everyday = frontier.confirmed->ordinary;
  std::vector<std::string> broken;
  if (answered.high < limits.least_answered)
    broken.push_back(fmt::format("answers {:.1f} % [{:.1f}, {:.1f}] of the look-alikes", 100 * answered.rate(), 100 * answered.low, 100 * answered.high));
  if (everyday.n > 0 && everyday.low > limits.most_everyday)
    broken.push_back(fmt::format("refuses {:.1f} % [{:.1f}, {:.1f}] of everyday prompts", 100 * everyday.rate(), 100 * everyday.low, 100 * everyday.high));
  if (broken.empty()) return "";
  return fmt::format("On the test split the pick {}: what was asked to choose it was too little.", Join(broken, " and "));
}

Result<Frontier> TraceFrontier(const policy::Policy& policy, const FrontierOptions& options, const World& world, Progress& progress) {
  std::vector<double> factors = options.factors;
  std::ranges::sort(factors);
  factors.erase(std::unique(factors.begin(), factors.end()), factors.end());
  if (factors.empty() || factors.front() < 0) return Fail(Code::kInvalid, "strengths must be numbers from 0 (the base) on; 1 is the adapter as it is");
  const auto trials = Trials(policy, options.prompts);
  const Rates sizes = RatesOf(trials, std::vector<bool>(trials.size()));
  if (sizes.unsafe.n == 0 || sizes.safe.n == 0)
    return Fail(Code::kInvalid, "policy {} has no calibration examples of both sides: nothing to trace", policy.id);

  progress.Phase("frontier", fmt::format("{} prompts at {} strengths", trials.size(), factors.size()));
  PLUMB_TRY(const auto strengths, TryStrengths(trials, factors, options.target, options.adapter, options.out / "strengths", world, options.seed, progress));
  Frontier frontier;
  for (const auto& strength : strengths) frontier.points.push_back({strength.factor, RatesOf(trials, strength.refused)});
  frontier.picked = PickPoint(frontier.points, options.limits);
  if (!frontier.picked) return frontier;

  const double factor = frontier.points[*frontier.picked].factor;
  const auto held_out = Trials(policy, options.prompts, policy::Split::kTest);
  progress.Phase("confirm", fmt::format("strength {} on {} prompts that chose nothing", factor, held_out.size()));
  PLUMB_TRY(const auto again, TryStrengths(held_out, {factor}, options.target, options.adapter, options.out / "strengths", world, options.seed, progress));
  frontier.confirmed = RatesOf(held_out, again.front().refused);
  PLUMB_CHECK(ScaleAdapter(options.adapter, options.out / "adapter", factor));
  return frontier;
}

namespace {

json::object RatesJson(const Rates& rates) {
  const auto share = [](const Share& s) { return json::object{{"rate", s.rate()}, {"low", s.low}, {"high", s.high}, {"n", s.n}}; };
  return {{"unsafe_refused", share(rates.unsafe)}, {"look_alikes_answered", share(Answered(rates))}, {"everyday_refused", share(rates.ordinary)}};
}

std::string Percent(const Share& share) { return fmt::format("{:5.1f} % [{:.1f}, {:.1f}]", 100 * share.rate(), 100 * share.low, 100 * share.high); }

}  // namespace

json::object ToJson(const Frontier& frontier, const FrontierOptions& options) {
  json::array points;
  for (const auto& point : frontier.points) {
    json::object row = {{"strength", point.factor}};
    for (auto& [key, value] : RatesJson(point.rates)) row[key] = std::move(value);
    points.push_back(std::move(row));
  }
  json::object out = {{"target", options.target}, {"adapter", options.adapter.string()}, {"least_answered", options.limits.least_answered},
                      {"most_everyday_refused", options.limits.most_everyday}, {"surely", options.limits.surely}, {"seed", options.seed}, {"split", "calibration"}, {"points", std::move(points)}};
  if (frontier.picked) out["picked"] = frontier.points[*frontier.picked].factor;
  else out["why"] = WhyNonePicked(frontier, options.limits);
  if (const std::string broken = WhyNotConfirmed(frontier, options.limits); !broken.empty()) out["why"] = broken;
  if (frontier.confirmed) out["confirmed"] = RatesJson(*frontier.confirmed), out["confirmed_split"] = "test";
  return out;
}

std::string ToText(const Frontier& frontier, const FrontierOptions& options) {
  std::string out = "strength  unsafe refused         look-alikes answered   everyday refused\n";
  const auto line = [&](const std::string& name, const Rates& rates) {
    out += fmt::format("{:<9} {:<22} {:<22} {}\n", name, Percent(rates.unsafe), Percent(Answered(rates)), Percent(rates.ordinary));
  };
  for (size_t i = 0; i < frontier.points.size(); ++i)
    line(fmt::format("{:g}{}", frontier.points[i].factor, frontier.picked == i ? " *" : ""), frontier.points[i].rates);
  const auto& sizes = frontier.points.front().rates;
  out += fmt::format("n: {}, {}, {} (calibration split)\n", sizes.unsafe.n, sizes.safe.n, sizes.ordinary.n);
  if (!frontier.picked) return out + WhyNonePicked(frontier, options.limits);
  line("again", *frontier.confirmed);
  const std::string broken = WhyNotConfirmed(frontier, options.limits);
  return out + fmt::format("* refuses most unsafe prompts while {}answering {:g} % of the look-alikes and refusing at most {:g} % of everyday prompts;\n"
                           "\"again\": the same on {} prompts of the test split, which chose nothing.{}",
                           options.limits.surely ? "surely " : "", 100 * options.limits.least_answered, 100 * options.limits.most_everyday,
                           frontier.confirmed->unsafe.n + frontier.confirmed->safe.n + frontier.confirmed->ordinary.n, broken.empty() ? "" : "\n" + broken);
}

}  // namespace plumb::loop

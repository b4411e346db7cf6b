// What a declared gate can see, before anything is run.
#include <algorithm>
#include <set>

#include "measure/eval/declaration.h"
#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

// A target needs enough cases that a candidate half way between it and perfection is shown to meet it.
double TargetPower(const Requirement& one, int64_t n, double alpha) {
  const bool least = one.kind == Requirement::kAtLeast;
  const double truth = least ? (one.value + 1) / 2 : one.value / 2;
  double power = 0;
  for (int64_t k = 0; k <= n; ++k) {
    const bool met = least ? stats::ExactLowerBound(k, n, 1 - alpha) >= one.value : stats::ExactUpperBound(k, n, 1 - alpha) <= one.value;
    if (met) power += stats::BinomialPmf(k, n, truth);
  }
  return power;
}

// The least n from which on `power` reaches what is wanted; it grows with n but for steps.
template <class Power>
int64_t Needed(double wanted, const Power& power) {
  int64_t high = 2;
  while (power(high) < wanted && high < (int64_t{1} << 16)) high *= 2;
  int64_t low = high / 2;
  while (low + 1 < high) {
    const int64_t middle = (low + high) / 2;
    (power(middle) >= wanted ? high : low) = middle;
  }
  return high;
}

void ComparePower(const Requirement& one, const Declaration& declaration, PlanRow& row) {
  const double alpha = declaration.alpha;
  const bool better = one.kind == Requirement::kBetter;
  // Better by more than x: the candidate that is planned for is better by twice that, or by 5 points where x is small.
  const double truth = better ? std::max(2 * one.value, one.value + 0.05) : 0;
  const double margin = better ? -one.value : one.value;
  const auto power = [&](int64_t n) { return stats::NonInferiorityPower(n, std::max(one.disagree, truth), truth, margin, alpha); };
  row.power = power(row.groups);
  row.needed = Needed(declaration.power, power);
  if (better) row.note = fmt::format("for one that is {:.1f} points better", 100 * truth);
  else row.kept_out = stats::CaughtDrop(row.groups, one.disagree, one.value, 0.8, alpha);
}

void Meet(const Requirement& one, const Declaration& declaration, PlanRow& row) {
  if (!one.shown) {
    row.power = 1;
    row.needed = declaration.fewest;
    row.note = "by the estimate; not planned";
    return;
  }
  const auto power = [&](int64_t n) { return TargetPower(one, n, declaration.alpha); };
  row.power = power(row.groups);
  row.needed = Needed(declaration.power, power);
  row.note = fmt::format("for a true rate of {:.1f} %", 100 * (one.kind == Requirement::kAtLeast ? (one.value + 1) / 2 : one.value / 2));
}

}  // namespace

Result<Plan> PlanGate(const Declaration& declaration, const std::vector<data::Suite>& suites) {
  Plan plan{.rows = {}, .enough = true};
  for (const Requirement& one : declaration.require) {
    const auto suite = std::ranges::find(suites, one.suite, &data::Suite::name);
    if (suite == suites.end()) return Fail(Code::kNotFound, "'{}' needs suite '{}', which is not there", one.id, one.suite);
    PlanRow row{.id = one.id, .statement = one.Text(), .note = ""};
    std::set<std::string> groups;
    for (const data::Case& c : suite->cases) {
      if (!AppliesTo(one.metric, c.expect, c.clause, c.kind, c.lang)) continue;
      ++row.cases;
      groups.insert(c.group.empty() ? c.id : c.group);
    }
    // Cases of one group are planned as one: the least they can be worth.
    row.groups = static_cast<int64_t>(groups.size());
    if (one.shown && (one.kind == Requirement::kNoWorse || one.kind == Requirement::kBetter)) ComparePower(one, declaration, row);
    else Meet(one, declaration, row);
    row.needed = std::max(row.needed, declaration.fewest);
    row.enough = row.power >= declaration.power && row.groups >= declaration.fewest;
    plan.enough = plan.enough && row.enough;
    plan.rows.push_back(std::move(row));
  }
  return plan;
}

json::array PlanJson(const Plan& plan) {
  json::array rows;
  for (const PlanRow& row : plan.rows) {
    rows.push_back(json::object{{"id", row.id}, {"statement", row.statement}, {"cases", row.cases}, {"groups", row.groups},
                                {"power", row.power}, {"needed", row.needed}, {"kept_out", row.kept_out}, {"enough", row.enough},
                                {"note", row.note}});
  }
  return rows;
}

std::string PlanTable(const Plan& plan) {
  Table table({"", "independent cases", "power", "cases needed", "kept out from", ""});
  for (const PlanRow& row : plan.rows) {
    table.Row({row.statement, fmt::format("{}", row.groups), fmt::format("{:.0f} %", 100 * row.power), fmt::format("{}", row.needed),
               row.kept_out > 0 ? fmt::format("{:.1f} points", 100 * row.kept_out) : "", row.enough ? row.note : "TOO FEW " + row.note});
  }
  return table.Text();
}

}  // namespace plumb::eval

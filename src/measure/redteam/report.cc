#include "measure/redteam/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/stats/stats.h"
#include "measure/eval/table.h"

namespace plumb::redteam {
namespace {

std::string ClauseOf(const Goal& goal) { return goal.clause.empty() ? "(none)" : goal.clause; }

// Tried and worked, by goal, for each attack or family, in the order of the campaign's attacks.
using Outcomes = std::map<std::string, std::map<std::string, bool>>;
std::vector<Share> SharesOf(const Outcomes& outcomes, const std::vector<std::string>& order, const std::map<std::string, int64_t>& group) {
  std::vector<Share> out;
  for (const std::string& name : order) {
    const auto found = outcomes.find(name);
    if (found == outcomes.end()) continue;
    std::vector<double> hits;
    std::vector<int64_t> groups;
    for (const auto& [goal, worked] : found->second) {
      hits.push_back(worked);
      groups.push_back(group.at(goal));
    }
    out.push_back(ShareOf(name, hits, groups));
  }
  return out;
}

std::string Rate(const Share& one) {
  if (one.n == 0) return "–";
  return fmt::format("{:.1f} %  [{:.1f}, {:.1f}]", 100 * one.interval.estimate, 100 * one.interval.low, 100 * one.interval.high);
}

}  // namespace

Share ShareOf(std::string name, const std::vector<double>& hits, const std::vector<int64_t>& group) {
  Share out{.name = std::move(name), .hits = 0, .n = static_cast<int64_t>(hits.size()), .interval = {}};
  for (double hit : hits) out.hits += hit > 0;
  out.interval = stats::Wilson(out.hits, out.n);
  if (std::set<int64_t>(group.begin(), group.end()).size() < hits.size()) {
    const stats::Interval clustered = stats::ClusteredBootstrapMean(hits, group);
    out.interval.low = std::min(out.interval.low, clustered.low);
    out.interval.high = std::max(out.interval.high, clustered.high);
  }
  return out;
}

json::object ShareJson(const Share& one) {
  return {{"name", one.name}, {"successes", one.hits}, {"n", one.n}, {"rate", one.n ? json::value(one.interval.estimate) : json::value()}, {"low", one.interval.low}, {"high", one.interval.high}};
}

json::array SharesJson(const std::vector<Share>& shares) {
  json::array out;
  for (const Share& one : shares) out.push_back(ShareJson(one));
  return out;
}

std::string ShareText(const Share& one) { return fmt::format("{}/{}  {}", one.hits, one.n, Rate(one)); }

Summary Summarize(const Campaign& campaign, int budget) {
  Summary out;
  out.goals = static_cast<int64_t>(campaign.goals.size());
  std::map<std::string, int64_t> group, of_name;
  std::map<std::string, const Goal*> goals;
  for (const Goal& goal : campaign.goals) {
    group[goal.id] = of_name.try_emplace(goal.group, static_cast<int64_t>(of_name.size())).first->second;
    goals[goal.id] = &goal;
  }
  Outcomes by_attack, by_family;
  std::map<std::pair<std::string, std::string>, Summary::Cell> cells;
  for (const Attempt& a : campaign.attempts) {
    out.errors += a.status == eval::SampleStatus::kError;
    ++(a.to == Try::kAttacker ? out.attacker_queries : a.to == Try::kGradient ? out.gradient_steps : out.queries);
    out.evaluated += a.evaluated;
    if (a.to != Try::kTarget) continue;
    bool& attack = by_attack[a.attack][a.goal];
    attack = attack || a.success;
    bool& family = by_family[a.family][a.goal];
    family = family || a.success;
    Summary::Cell& cell = cells[{ClauseOf(*goals.at(a.goal)), a.family}];
    ++cell.tried;
    cell.worked += a.success;
    if (a.success && (cell.attack.empty() || a.harm > cell.harm)) {
      cell.harm = a.harm;
      cell.attack = a.attack;
      cell.goal = a.goal;
    }
  }
  const auto breaks = campaign.Breaks();
  std::vector<int> budgets;
  for (int n : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}) {
    if (n < budget) budgets.push_back(n);
  }
  budgets.push_back(budget);
  for (int n : budgets) {
    std::vector<double> hits;
    std::vector<int64_t> groups;
    for (const Goal& goal : campaign.goals) {
      const auto found = breaks.find(goal.id);
      hits.push_back(found != breaks.end() && found->second->query <= n);
      groups.push_back(group.at(goal.id));
    }
    out.at_budget.push_back(ShareOf(fmt::format("{}", n), hits, groups));
  }
  std::vector<std::string> attacks, families, clauses;
  for (const Attack& attack : campaign.attacks) {
    attacks.push_back(attack.name);
    if (std::ranges::find(families, attack.family) == families.end()) families.push_back(attack.family);
  }
  for (const Goal& goal : campaign.goals) {
    if (std::ranges::find(clauses, ClauseOf(goal)) == clauses.end()) clauses.push_back(ClauseOf(goal));
  }
  out.by_attack = SharesOf(by_attack, attacks, group);
  out.by_family = SharesOf(by_family, families, group);
  Outcomes by_clause, first_by;
  for (const Goal& goal : campaign.goals) {
    const auto found = breaks.find(goal.id);
    by_clause[ClauseOf(goal)][goal.id] = found != breaks.end();
    for (const std::string& family : families) first_by[family][goal.id] = found != breaks.end() && found->second->family == family;
  }
  out.by_clause = SharesOf(by_clause, clauses, group);
  out.first_by = SharesOf(first_by, families, group);
  double tried = 0, worked = 0;
  for (const std::string& clause : clauses) {
    for (const std::string& family : families) {
      Summary::Cell cell = cells[{clause, family}];
      cell.clause = clause;
      cell.family = family;
      tried += cell.tried > 0;
      worked += cell.worked > 0;
      out.archive.push_back(std::move(cell));
    }
  }
  if (!out.archive.empty()) {
    out.covered = tried / static_cast<double>(out.archive.size());
    out.broken = worked / static_cast<double>(out.archive.size());
  }
  const auto planted = std::ranges::count_if(campaign.goals, [](const Goal& goal) { return !goal.shows.empty(); });
  if (planted) out.notes.push_back(fmt::format("{} goals are planted instructions: reached where the answer says what shows it", planted));
  const json::object& judge = campaign.settings.at("judge").as_object();
  if (planted < out.goals) out.notes.push_back(judge.at("guard").as_bool()
                          ? "success is judged by the refusal scorer and the guard's score of the answer; neither was calibrated on this target's answers"
                          : "success is judged by the refusal scorer alone: an answer that is no refusal counts, where it is new and on topic, however harmless");
  if (!campaign.settings.at("every").as_bool())
    out.notes.push_back("a goal's attacks end with the first that works, so the rates of single attacks are over the goals that were left to them");
  for (const std::string& one : campaign.left_out) out.notes.push_back("left out: " + one);
  if (campaign.settings.contains("attacker") && std::string_view(campaign.settings.at("attacker").as_string()).starts_with("local:smollm2"))
    out.notes.push_back("the attacker is the embedded model of 135M parameters: a far weaker one than the literature's");
  if (out.errors) out.notes.push_back(fmt::format("{} questions failed: spent, and never a success", out.errors));
  return out;
}

json::object SummaryJson(const Summary& s, const Campaign& campaign) {
  json::array archive, notes, attacks;
  for (const Summary::Cell& cell : s.archive)
    archive.push_back(json::object{{"clause", cell.clause}, {"family", cell.family}, {"tried", cell.tried}, {"worked", cell.worked}, {"harm", cell.harm}, {"attack", cell.attack}, {"goal", cell.goal}});
  for (const std::string& note : s.notes) notes.emplace_back(note);
  for (const Attack& attack : campaign.attacks)
    attacks.push_back(json::object{{"name", attack.name}, {"family", attack.family}, {"atlas", attack.atlas}, {"held_out", attack.held_out}});
  return {{"target", campaign.target}, {"settings", campaign.settings}, {"goals", s.goals}, {"queries", s.queries}, {"attacker_queries", s.attacker_queries}, {"gradient_steps", s.gradient_steps}, {"candidates_evaluated", s.evaluated},
          {"errors", s.errors}, {"success_at_budget", SharesJson(s.at_budget)}, {"by_attack", SharesJson(s.by_attack)}, {"by_family", SharesJson(s.by_family)},
          {"by_clause", SharesJson(s.by_clause)}, {"first_by", SharesJson(s.first_by)},
          {"archive", std::move(archive)}, {"cells_tried", s.covered}, {"cells_broken", s.broken}, {"attacks", std::move(attacks)}, {"notes", std::move(notes)}};
}

std::string SummaryTable(const Summary& s) {
  eval::Table budget({"within questions", "goals broken", ""});
  for (const Share& one : s.at_budget) budget.Row({one.name, fmt::format("{}/{}", one.hits, one.n), Rate(one)});
  eval::Table families({"family", "worked on", "", "first on"});
  for (const Share& one : s.by_family) {
    const auto first = std::ranges::find(s.first_by, one.name, &Share::name);
    families.Row({one.name, fmt::format("{}/{}", one.hits, one.n), Rate(one), first == s.first_by.end() ? "" : fmt::format("{}", first->hits)});
  }
  eval::Table clauses({"clause", "goals broken", ""});
  for (const Share& one : s.by_clause) clauses.Row({one.name, fmt::format("{}/{}", one.hits, one.n), Rate(one)});
  std::string out = budget.Text() + "\n" + families.Text() + "\n" + clauses.Text();
  out += fmt::format("\n{} questions to the target{}; clause × family: {:.0f} % tried, {:.0f} % broken\n", s.queries,
                     s.attacker_queries ? fmt::format(", {} to the attacker", s.attacker_queries) : "", 100 * s.covered, 100 * s.broken);
  if (s.gradient_steps) out += fmt::format("beside them {} gradient steps, {} candidates evaluated\n", s.gradient_steps, s.evaluated);
  for (const std::string& note : s.notes) out += "- " + note + "\n";
  return out;
}

json::object JailbreakBenchArtifact(const Campaign& campaign, const std::string& date) {
  const auto breaks = campaign.Breaks();
  std::map<std::string, std::vector<const Attempt*>> of_goal;
  int64_t queries = 0, prompt_tokens = 0, response_tokens = 0, submitted = 0, broken = 0;
  for (const Attempt& a : campaign.attempts) {
    if (a.to == Try::kAttacker || a.to == Try::kGradient) continue;
    ++queries;
    prompt_tokens += a.input_tokens;
    response_tokens += a.output_tokens;
    if (a.to == Try::kTarget) of_goal[a.goal].push_back(&a);
  }
  json::array jailbreaks;
  for (size_t i = 0; i < campaign.goals.size(); ++i) {
    const Goal& goal = campaign.goals[i];
    const auto& tries = of_goal[goal.id];
    const auto found = breaks.find(goal.id);
    const Attempt* shown = found != breaks.end() ? found->second : tries.empty() ? nullptr : tries.back();
    int64_t in = 0, out = 0;
    for (const Attempt* a : tries) {
      in += a->input_tokens;
      out += a->output_tokens;
    }
    broken += found != breaks.end();
    submitted += shown != nullptr;
    jailbreaks.push_back(json::object{{"index", i}, {"goal", goal.text}, {"behavior", goal.id}, {"category", ClauseOf(goal)},
                                      {"prompt", shown ? json::value(shown->prompt) : json::value()}, {"response", shown ? json::value(shown->output) : json::value()},
                                      {"number_of_queries", tries.empty() ? 0 : tries.back()->query},
                                      {"queries_to_jailbreak", found != breaks.end() ? json::value(found->second->query) : json::value()},
                                      {"prompt_tokens", in}, {"response_tokens", out}, {"jailbroken", found != breaks.end()}, {"jailbroken_llama_guard1", nullptr},
                                      {"attack", shown ? json::value(shown->attack) : json::value()}});
  }
  const double goals = static_cast<double>(campaign.goals.size());
  return {{"parameters", json::object{{"method", "plumbline"}, {"model", campaign.target.at("name")}, {"attack_type", "black_box"}, {"defense", nullptr},
                                      {"attack_success_rate", goals > 0 ? static_cast<double>(broken) / goals : 0.0}, {"total_number_of_jailbreaks", broken},
                                      {"number_of_submitted_prompts", submitted}, {"total_number_of_queries", queries}, {"total_prompt_tokens", prompt_tokens},
                                      {"total_response_tokens", response_tokens}, {"evaluation_date", date.substr(0, 10)}}},
          {"jailbreaks", std::move(jailbreaks)}};
}

eval::Run CampaignRun(const Campaign& campaign, bool every, Time created) {
  eval::Run run;
  run.id = NewId("run", created);
  run.created = FormatTime(created);
  run.target = campaign.target;
  run.settings = campaign.settings;
  run.settings["guarded"] = campaign.target.contains("guarded");
  std::map<std::string, const Goal*> goals;
  for (const Goal& goal : campaign.goals) goals[goal.id] = &goal;
  // The success where there is one, else the last answer, else the failure.
  std::map<std::string, const Attempt*> chosen;
  std::vector<std::string> order;
  for (const Attempt& a : campaign.attempts) {
    if (a.to != Try::kTarget) continue;
    const std::string id = every ? a.goal + ":" + a.attack : a.goal;
    const Attempt*& at = chosen[id];
    if (!at) order.push_back(id);
    if (!at || (!at->success && (a.success || a.status == eval::SampleStatus::kOk))) at = &a;
  }
  std::ranges::sort(order);
  for (const std::string& id : order) {
    const Attempt& a = *chosen.at(id);
    const Goal& goal = *goals.at(a.goal);
    eval::Sample sample;
    sample.id = id;
    sample.status = a.status;
    sample.expect = data::Expect::kRefuse;
    sample.clause = goal.clause;
    sample.kind = every ? a.family : "campaign";
    sample.group = goal.group;
    sample.lang = "en";
    // What was asked in the end differs between two campaigns; the case is the goal.
    sample.prompt = every ? a.prompt : goal.text;
    sample.error = a.error;
    if (a.status == eval::SampleStatus::kOk) {
      sample.output = a.output;
      sample.refusal = a.refusal;
      sample.refused = sample.passed = !a.success;
      sample.action = a.action;
      sample.scores = {{"held", a.success ? 0.0 : 1.0}, {"harm", a.harm}};
      sample.notes = {{"attack", a.attack}, {"queries", fmt::format("{}", a.query)}};
      sample.input_tokens = a.input_tokens;
      sample.output_tokens = a.output_tokens;
    }
    run.samples.push_back(std::move(sample));
  }
  run.suite = {{"name", "redteam"}, {"sha256", campaign.settings.at("goals_sha256")}, {"cases", run.samples.size()}};
  return run;
}

}  // namespace plumb::redteam

#include "runtime/replay/replay_report.h"

#include <algorithm>
#include <cmath>

namespace plumb::replay {
namespace {

ReplayRate RateOf(int64_t k, int64_t n) { return {k, n, stats::Wilson(k, n)}; }

// NaN (an estimate from nothing) has no JSON.
json::value Number(double x) { return std::isfinite(x) ? json::value(x) : json::value(); }

json::object RateJson(const ReplayRate& rate) {
  return {{"count", rate.k}, {"of", rate.n}, {"rate", Number(rate.interval.estimate)}, {"low", rate.interval.low}, {"high", rate.interval.high}};
}

json::object IntervalJson(const stats::Interval& interval) {
  return {{"estimate", Number(interval.estimate)}, {"low", interval.low}, {"high", interval.high}};
}

using Key = std::pair<std::string, std::string>;  // clause, direction

struct Tally {
  int64_t both = 0, only_before = 0, only_after = 0, after = 0;
};

// Per direction how many exchanges were judged by the new side, and by both.
struct Judged {
  int64_t after = 0, both = 0;
};

void Count(const ReplayRow& row, std::map<Key, Tally>& tallies, std::map<std::string, Judged>& judged) {
  for (const auto& [direction, fired] : row.after.fired) {
    const std::set<std::string>* was = nullptr;
    if (row.before) {
      const auto found = row.before->fired.find(direction);
      if (found != row.before->fired.end()) was = &found->second;
    }
    ++judged[direction].after;
    if (was) ++judged[direction].both;
    for (const std::string& clause : fired) {
      Tally& tally = tallies[{clause, direction}];
      ++tally.after;
      if (was) ++(was->contains(clause) ? tally.both : tally.only_after);
    }
    if (!was) continue;
    for (const std::string& clause : *was) {
      if (!fired.contains(clause)) ++tallies[{clause, direction}].only_before;
    }
  }
}

std::vector<ReplayClause> Clauses(const std::map<Key, Tally>& tallies, const std::map<std::string, Judged>& judged) {
  std::vector<ReplayClause> out;
  std::vector<double> p;
  for (const auto& [key, tally] : tallies) {
    const Judged& all = judged.at(key.second);
    ReplayClause clause;
    clause.clause = key.first;
    clause.direction = key.second;
    clause.after = RateOf(tally.after, all.after);
    clause.pairs = all.both;
    clause.counts = {tally.both, tally.only_before, tally.only_after, all.both - tally.both - tally.only_before - tally.only_after};
    clause.before_paired = RateOf(tally.both + tally.only_before, all.both);
    clause.after_paired = RateOf(tally.both + tally.only_after, all.both);
    clause.difference = stats::TangoDifference(clause.counts);
    clause.p = stats::McNemarMidP(clause.counts);
    p.push_back(clause.p);
    out.push_back(std::move(clause));
  }
  const std::vector<double> adjusted = stats::HolmAdjust(p);
  for (size_t i = 0; i < out.size(); ++i) out[i].p_holm = adjusted[i];
  std::ranges::stable_sort(out, [](const ReplayClause& a, const ReplayClause& b) {
    return a.counts.discordant() != b.counts.discordant() ? a.counts.discordant() > b.counts.discordant() : a.after.k > b.after.k;
  });
  return out;
}

void AddExample(const ReplayRow& row, std::string_view change, size_t limit, ReplayReport& report) {
  std::vector<ReplayExample>& list = report.examples[std::string(change)];
  if (list.size() >= limit) return;
  // What was stopped is explained by the side that stops it.
  const ReplaySide& why = change == "newly_passed" || change == "newly_asked" ? *row.before : row.after;
  list.push_back({row.id, row.time, row.model, why.clause, why.direction, row.before->action, row.after.action, row.asked, row.answered});
}

std::string Percent(const ReplayRate& rate) {
  if (rate.n == 0) return "–";
  return fmt::format("{:.2f} % ({:.2f}–{:.2f})", 100 * rate.interval.estimate, 100 * rate.interval.low, 100 * rate.interval.high);
}

}  // namespace

ReplayReport SummariseReplay(const std::vector<ReplayRow>& rows, size_t examples_each) {
  ReplayReport report;
  std::map<Key, Tally> tallies;
  std::map<std::string, Judged> judged;
  std::map<std::string_view, int64_t> changes;
  stats::PairedCounts stopped;
  int64_t redacted_before = 0, redacted_after = 0;
  for (const ReplayRow& row : rows) {
    ++report.seen;
    ++report.by_status[row.status];
    if (!row.no_request.empty()) ++report.missing["request: " + row.no_request];
    if (!row.no_response.empty()) ++report.missing["answer: " + row.no_response];
    if (row.status == "not_judged") continue;
    Count(row, tallies, judged);
    const std::string_view change = ChangeOf(row);
    ++changes[change];
    if (change != "same" && change != "unknown") AddExample(row, change, examples_each, report);
    if (change == "unknown" || change == "newly_asked") continue;
    ++report.compared;
    const bool was = row.before->outcome == "stopped", is = row.after.outcome == "stopped";
    ++(was && is ? stopped.both : was ? stopped.only_baseline : is ? stopped.only_candidate : stopped.neither);
    redacted_before += row.before->outcome == "redacted";
    redacted_after += row.after.outcome == "redacted";
  }
  const int64_t n = report.compared;
  report.newly_stopped = RateOf(changes["newly_stopped"], n);
  report.newly_redacted = RateOf(changes["newly_redacted"], n);
  report.newly_passed = RateOf(changes["newly_passed"], n);
  report.changed = RateOf(report.newly_stopped.k + report.newly_redacted.k + report.newly_passed.k, n);
  report.newly_asked = changes["newly_asked"];
  report.stopped_before = RateOf(stopped.both + stopped.only_baseline, n);
  report.stopped_after = RateOf(stopped.both + stopped.only_candidate, n);
  report.redacted_before = RateOf(redacted_before, n);
  report.redacted_after = RateOf(redacted_after, n);
  report.stopped_difference = stats::TangoDifference(stopped);
  report.stopped_p = stats::McNemarMidP(stopped);
  report.clauses = Clauses(tallies, judged);
  return report;
}

json::object ReportJson(const ReplayReport& report, bool with_texts) {
  json::object out;
  out["exchanges"] = {{"seen", report.seen}, {"by_status", json::value_from(report.by_status)}, {"missing", json::value_from(report.missing)}};
  json::object outcomes = {{"compared", report.compared},
                           {"changed", RateJson(report.changed)},
                           {"newly_stopped", RateJson(report.newly_stopped)},
                           {"newly_redacted", RateJson(report.newly_redacted)},
                           {"newly_passed", RateJson(report.newly_passed)},
                           {"newly_asked", report.newly_asked},
                           {"stopped", {{"before", RateJson(report.stopped_before)},
                                        {"after", RateJson(report.stopped_after)},
                                        {"difference", IntervalJson(report.stopped_difference)},
                                        {"p", report.stopped_p}}},
                           {"redacted", {{"before", RateJson(report.redacted_before)}, {"after", RateJson(report.redacted_after)}}}};
  out["outcomes"] = std::move(outcomes);
  json::array clauses;
  for (const ReplayClause& one : report.clauses) {
    json::object row = {{"clause", one.clause}, {"direction", one.direction}, {"after", RateJson(one.after)}, {"pairs", one.pairs}};
    if (one.pairs > 0) {
      row["paired"] = {{"before", RateJson(one.before_paired)},
                       {"after", RateJson(one.after_paired)},
                       {"newly", one.counts.only_candidate},
                       {"no_longer", one.counts.only_baseline},
                       {"difference", IntervalJson(one.difference)},
                       {"p", one.p},
                       {"p_holm", one.p_holm}};
    }
    clauses.push_back(std::move(row));
  }
  out["clauses"] = std::move(clauses);
  json::object examples;
  for (const auto& [change, list] : report.examples) {
    json::array rows;
    for (const ReplayExample& one : list) {
      json::object row = {{"id", one.id}, {"time", one.time}, {"model", one.model}, {"clause", one.clause}, {"direction", one.direction},
                          {"before", one.before}, {"after", one.after}};
      if (with_texts && !one.asked.empty()) row["asked"] = one.asked;
      if (with_texts && !one.answered.empty()) row["answered"] = one.answered;
      rows.push_back(std::move(row));
    }
    examples[change] = std::move(rows);
  }
  out["examples"] = std::move(examples);
  return out;
}

std::string ReportText(const ReplayReport& report) {
  const auto status = [&](const char* name) {
    const auto found = report.by_status.find(name);
    return found == report.by_status.end() ? int64_t{0} : found->second;
  };
  std::string out = fmt::format("{} exchanges: {} replayed whole, {} in part, {} not (no text), {} not judged (a detector did not run)\n",
                                report.seen, status("replayed"), status("partly"), status("not_replayed"), status("not_judged"));
  for (const auto& [why, n] : report.missing) out += fmt::format("  without {:<28} {:>8}\n", why, n);
  out += fmt::format("\nof {} whose outcome is known on both sides (95 % intervals)\n", report.compared);
  const auto line = [&](const char* name, const ReplayRate& rate) { out += fmt::format("  {:<28} {:>8}  {}\n", name, rate.k, Percent(rate)); };
  line("changed", report.changed);
  line("newly stopped", report.newly_stopped);
  line("newly redacted", report.newly_redacted);
  line("newly passed", report.newly_passed);
  line("stopped before", report.stopped_before);
  line("stopped after", report.stopped_after);
  if (report.newly_asked > 0) {
    out += fmt::format("and {} that were stopped at the input would now reach the model; what it would say is not known\n", report.newly_asked);
  }
  if (!report.clauses.empty()) {
    out += fmt::format("\n{:<24} {:<12} {:>8} {:>8} {:>8} {:>10}  {}\n", "clause", "direction", "fires", "newly", "no more", "p (Holm)", "rate after");
    for (const ReplayClause& one : report.clauses) {
      const bool paired = one.pairs > 0;
      out += fmt::format("{:<24} {:<12} {:>8} {:>8} {:>8} {:>10}  {}\n", one.clause, one.direction, one.after.k,
                         paired ? std::to_string(one.counts.only_candidate) : "–", paired ? std::to_string(one.counts.only_baseline) : "–",
                         paired ? fmt::format("{:.3g}", one.p_holm) : "–", Percent(one.after));
    }
  }
  for (const auto& [change, list] : report.examples) {
    std::string title = change;
    std::ranges::replace(title, '_', ' ');
    out += fmt::format("\n{}\n", title);
    for (const ReplayExample& one : list) {
      out += fmt::format("  {}  {} → {}  {} ({})\n", one.id, one.before, one.after, one.clause.empty() ? "–" : one.clause, one.direction);
      if (!one.asked.empty()) out += fmt::format("      > {}\n", one.asked);
      if (!one.answered.empty()) out += fmt::format("      < {}\n", one.answered);
    }
  }
  return out;
}

}  // namespace plumb::replay

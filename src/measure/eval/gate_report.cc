#include "measure/eval/gate_report.h"

#include <algorithm>
#include <cmath>

#include "base/core/markup.h"

namespace plumb::eval {
namespace {

// Text of models and files in a table of Markdown: nothing of it may end the cell or become markup.
std::string Cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n' || c == '\r') out += ' ';
    else if (std::string_view("|<>[]*_`\\").find(c) != std::string_view::npos) out += {'\\', c};
    else out += c;
  }
  return out;
}

json::object SarifResult(std::string_view rule, std::string_view level, std::string_view text, const std::string& file,
                         std::string_view fingerprint) {
  return {{"ruleId", rule},
          {"level", level},
          {"message", json::object{{"text", text}}},
          {"locations", json::array{json::object{
                            {"physicalLocation", json::object{{"artifactLocation", json::object{{"uri", file}}}}}}}},
          {"partialFingerprints", json::object{{"plumb/v1", fingerprint}}}};
}

const char* Word(const Check& check) {
  if (!check.counts()) return "excepted";
  return check.decision == Decision::kPassed ? "passed" : check.decision == Decision::kFailed ? "FAILED" : "could not tell";
}

const char* Sentence(Decision decision) {
  return decision == Decision::kPassed  ? "The gate is open: the candidate may replace the baseline."
         : decision == Decision::kFailed ? "The gate is closed: a check failed."
                                         : "The gate could not tell.";
}

size_t Excepted(const Gate& gate) {
  return static_cast<size_t>(std::ranges::count_if(gate.checks, [](const Check& check) { return !check.counts(); }));
}

}  // namespace

json::object GateJson(const Gate& gate) {
  json::array checks, comparisons;
  for (const Check& check : gate.checks) {
    json::object row{{"id", check.id}, {"required", check.statement}, {"found", check.finding}, {"decision", DecisionName(check.decision)}};
    if (!check.exception.empty()) row["exception"] = check.exception;
    checks.push_back(std::move(row));
  }
  json::object out{{"decision", DecisionName(gate.decision)}, {"exit_code", DecisionExitCode(gate.decision)}, {"checks", std::move(checks)}};
  if (!gate.name.empty()) {
    out["gate"] = gate.name;
    out["declaration_sha256"] = gate.declaration_sha256;
  }
  if (!gate.candidate.empty()) out["candidate"] = gate.candidate;
  for (const Comparison& comparison : gate.comparisons) comparisons.push_back(ComparisonJson(comparison));
  if (gate.name.empty() && !comparisons.empty()) out["comparison"] = std::move(comparisons[0]);
  else out["comparisons"] = std::move(comparisons);
  return out;
}

std::string GateTable(const Gate& gate) {
  std::string text;
  for (const Comparison& comparison : gate.comparisons) text += ComparisonTable(comparison) + "\n";
  for (const Check& check : gate.checks) {
    text += fmt::format("{:14}  {}\n                {}\n", Word(check), check.statement, check.finding);
    if (!check.counts()) text += fmt::format("                {}\n", check.exception);
  }
  return text + "\n" + Sentence(gate.decision) + "\n";
}

std::string GateJunit(const Gate& gate) {
  const auto count = [&](Decision decision) {
    return std::ranges::count_if(gate.checks, [&](const Check& c) { return c.counts() && c.decision == decision; });
  };
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  out += fmt::format("  <testsuite name=\"plumb gate\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n", gate.checks.size(),
                     count(Decision::kFailed), count(Decision::kCouldNotTell), Excepted(gate));
  for (const Check& check : gate.checks) {
    out += fmt::format("    <testcase classname=\"plumb.gate\" name=\"{}\">\n", EscapeMarkup(check.id));
    const std::string message = EscapeMarkup(check.statement + ": " + check.finding);
    if (!check.counts()) out += fmt::format("      <skipped message=\"{}\"/>\n", EscapeMarkup(check.exception));
    else if (check.decision == Decision::kFailed) out += fmt::format("      <failure type=\"worse\" message=\"{}\"/>\n", message);
    else if (check.decision == Decision::kCouldNotTell) out += fmt::format("      <error type=\"could_not_tell\" message=\"{}\"/>\n", message);
    out += fmt::format("      <system-out>{}</system-out>\n    </testcase>\n", message);
  }
  return out + "  </testsuite>\n</testsuites>\n";
}

json::object GateSarif(const Gate& gate, const std::string& suite_file, size_t most_cases) {
  json::array rules, results;
  for (const Check& check : gate.checks) {
    rules.push_back(json::object{{"id", check.id}, {"shortDescription", json::object{{"text", check.statement}}}});
    if (check.decision == Decision::kPassed) continue;
    json::object result = SarifResult(check.id, check.decision == Decision::kFailed ? "error" : "warning",
                                      check.statement + ": " + check.finding, suite_file, check.id);
    if (!check.counts())
      result["suppressions"] = json::array{json::object{{"kind", "external"}, {"status", "accepted"}, {"justification", check.exception}}};
    results.push_back(std::move(result));
  }
  rules.push_back(json::object{{"id", "case.lost"},
                               {"shortDescription", json::object{{"text", "A case the baseline got right and the candidate does not"}}}});
  size_t cases = 0;
  for (const Comparison& comparison : gate.comparisons) {
    for (const Measure& m : comparison.measures) {
      for (const std::string& id : m.lost) {
        if (cases++ >= most_cases) break;
        results.push_back(SarifResult("case.lost", "note", fmt::format("{}: case '{}' got worse", m.name, id), suite_file, id));
      }
    }
  }
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", json::array{json::object{
                       {"tool", json::object{{"driver", json::object{{"name", "plumb gate"}, {"rules", std::move(rules)}}}}},
                       {"results", std::move(results)}}}}};
}

std::string GateMarkdown(const Gate& gate) {
  std::string out = fmt::format("## {} {}: {}\n\n{}\n\n| | required | found |\n| --- | --- | --- |\n",
                                gate.decision == Decision::kPassed ? "✅" : gate.decision == Decision::kFailed ? "❌" : "❔",
                                gate.name.empty() ? "plumb gate" : "Gate " + Cell(gate.name),
                                gate.decision == Decision::kCouldNotTell ? "could not tell" : DecisionName(gate.decision), Sentence(gate.decision));
  for (const Check& check : gate.checks) {
    out += fmt::format("| {} | {} | {}{} |\n", Word(check), Cell(check.statement), Cell(check.finding),
                       check.counts() ? "" : " (" + Cell(check.exception) + ")");
  }
  for (const Comparison& comparison : gate.comparisons) {
    out += fmt::format("\n<details><summary>{} against {}</summary>\n\n| | before | after | change | 95 % interval | pairs | could have seen |\n"
                       "| --- | --: | --: | --: | --- | --: | --: |\n", Cell(comparison.candidate_target), Cell(comparison.baseline_target));
    for (const Measure& m : comparison.measures) {
      if (m.n() == 0) continue;
      out += fmt::format("| {} | {:.1f} % | {:.1f} % | {:+.1f} | {:+.1f} … {:+.1f} | {} | {:.1f} points |\n", Cell(m.name),
                         100 * m.baseline.estimate, 100 * m.candidate.estimate, 100 * m.difference.estimate, 100 * m.difference.low,
                         100 * m.difference.high, m.n(), 100 * m.detectable);
    }
    out += "\n</details>\n";
  }
  if (!gate.declaration_sha256.empty()) out += fmt::format("\nDeclared as `sha256:{}`.\n", gate.declaration_sha256.substr(0, 16));
  return out;
}

json::object GateBadge(const Gate& gate) {
  const char* colour = gate.decision == Decision::kPassed && Excepted(gate) ? "yellow" : gate.decision == Decision::kPassed ? "brightgreen" : gate.decision == Decision::kFailed ? "red" : "lightgrey";
  std::string message = gate.decision == Decision::kCouldNotTell ? "could not tell" : DecisionName(gate.decision);
  if (const size_t excepted = Excepted(gate)) message += fmt::format(", {} excepted", excepted);
  return {{"schemaVersion", 1}, {"label", gate.name.empty() ? "plumb gate" : gate.name}, {"message", message}, {"color", colour}};
}

}  // namespace plumb::eval

#include "cli/policy_coverage.h"

#include <cstdio>
#include <optional>
#include <set>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "cli/policy_flags.h"
#include "cli/starter_files.h"
#include "evidence/ledger/ledger.h"
#include "intent/policy/coverage.h"

namespace plumb::cli {
namespace {

using policy::CellState;
using policy::Coverage;
using policy::CoverageColumns;
using policy::CoverageRow;

struct CoverageFlags : PolicyFlags {
  std::string suites, guard, pairs;
};

// The clauses among `wanted` that an entry of the ledger names: by its `clause` and `clauses`, as a category of a verdict.
void CollectClauses(const json::value& value, const std::set<std::string>& wanted, std::set<std::string>& found) {
  if (const json::string* text = value.if_string()) {
    if (wanted.contains(std::string(*text))) found.emplace(*text);
  } else if (const json::array* list = value.if_array()) {
    for (const json::value& item : *list) CollectClauses(item, wanted, found);
  } else if (const json::object* object = value.if_object()) {
    for (const auto& [key, item] : *object) {
      if (wanted.contains(std::string(key))) found.emplace(key);
      CollectClauses(item, wanted, found);
    }
  }
}

// The newest entry about each clause; nothing where there is no ledger yet. What is older than the entries looked at is
// found by nobody, and reads as a hole.
Result<std::map<std::string, Time>> EvidenceIn(const fs::path& file, const std::vector<std::string>& clauses) {
  constexpr size_t kPage = 500, kPages = 100;
  std::map<std::string, Time> newest;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return newest;
  PLUMB_TRY(const auto ledger, ledger::Ledger::Open(file, {.read_only = true}));
  std::set<std::string> wanted(clauses.begin(), clauses.end());
  std::optional<uint64_t> before;
  for (size_t page = 0; page < kPages && !wanted.empty(); ++page) {
    PLUMB_TRY(const auto entries, ledger->List({.before = before, .limit = kPage}));
    for (const ledger::Stored& entry : entries) {
      std::set<std::string> found;
      CollectClauses(entry.body, wanted, found);
      PLUMB_TRY(const Time time, ParseTime(entry.time));
      for (const std::string& clause : found) newest.emplace(clause, time), wanted.erase(clause);
    }
    if (entries.size() < kPage) break;
    before = entries.back().index;
  }
  return newest;
}

// What was asked for must be there; what stands where it usually does may be missing.
Result<policy::CoverageSources> SourcesOf(const CoverageFlags& flags, const policy::Policy& policy, const Globals& globals) {
  for (const std::string* asked : {&flags.suites, &flags.guard, &flags.pairs}) {
    std::error_code ignored;
    if (!asked->empty() && !fs::exists(*asked, ignored)) return FailAt(*asked, Code::kNotFound, "there is no such file or folder");
  }
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  policy::CoverageSources sources;
  if (flags.suites.empty()) sources.suites = {"suites", ShippedFile("suites")};
  else sources.suites = {flags.suites};
  sources.guard = flags.guard.empty() ? FindGuard(config, policy.path) : fs::path(flags.guard);
  sources.pairs = flags.pairs.empty() ? "pairs.jsonl" : flags.pairs;
  PLUMB_TRY(sources.evidence, EvidenceIn(config.ledger, ClauseIds(policy)));
  sources.now = SystemClock()();
  return sources;
}

json::object CoverageJson(const Coverage& coverage) {
  json::array rows;
  for (const CoverageRow& row : coverage.rows) {
    json::object cells;
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const CellState state = row.cells[i].state;
      cells[CoverageColumns()[i]] = {{"state", state == CellState::kCovered ? "covered" : state == CellState::kHole ? "hole" : "n/a"},
                                     {"text", row.cells[i].text}};
    }
    rows.push_back({{"clause", row.clause}, {"cells", std::move(cells)}});
  }
  return {{"rows", std::move(rows)}, {"holes", json::value_from(coverage.holes)}, {"not_applicable", json::value_from(coverage.not_applicable)}};
}

void PrintMatrix(const Coverage& coverage) {
  // A hole's explanation is below the matrix.
  auto shown = [](const policy::Cell& cell) { return cell.state == CellState::kHole ? std::string("HOLE") : cell.text; };
  std::vector<size_t> widths;
  for (size_t i = 0; i < CoverageColumns().size(); ++i) {
    widths.push_back(CoverageColumns()[i].size());
    for (const CoverageRow& row : coverage.rows) widths[i] = std::max(widths[i], shown(row.cells[i]).size());
  }
  std::string line = fmt::format("{:<24}", "clause");
  for (size_t i = 0; i < widths.size(); ++i) line += fmt::format("  {:<{}}", CoverageColumns()[i], widths[i]);
  fmt::print("{}\n", line);
  for (const CoverageRow& row : coverage.rows) {
    line = fmt::format("{:<24}", row.clause);
    for (size_t i = 0; i < widths.size(); ++i) line += fmt::format("  {:<{}}", shown(row.cells[i]), widths[i]);
    fmt::print("{}\n", std::string_view(line).substr(0, line.find_last_not_of(' ') + 1));
  }
  for (const std::string& hole : coverage.holes) fmt::print("hole: {}\n", hole);
  for (const std::string& nothing : coverage.not_applicable) fmt::print("n/a: {}\n", nothing);
}

void ShowCoverage(const CoverageFlags& flags, Globals& globals) {
  const auto policy = flags.Load(globals);
  if (!policy) return ReportPolicy(policy.error(), globals);
  const auto sources = SourcesOf(flags, *policy, globals);
  if (!sources) return Report(sources.error(), globals);
  const auto coverage = CoverageOf(*policy, *sources);
  if (!coverage) return Report(coverage.error(), globals);
  if (!coverage->holes.empty()) globals.exit_code = 1;
  if (globals.json) fmt::print("{}\n", ToJson(CoverageJson(*coverage)));
  else PrintMatrix(*coverage);
}

}  // namespace

void AddCoverage(CLI::App& policy_verb, Globals& globals) {
  auto flags = std::make_shared<CoverageFlags>();
  CLI::App* coverage = policy_verb.add_subcommand("coverage", "What stands behind each clause; a hole is exit code 1");
  flags->Add(*coverage, globals);
  coverage->add_option("--suites", flags->suites, "Folder of suites (default: suites/ and those that come with Plumbline)");
  coverage->add_option("--guard", flags->guard, "Folder of the guard (default: plumb.yaml's, or guard/ beside the policy, or the shipped one)");
  coverage->add_option("--pairs", flags->pairs, "Preference pairs, JSON Lines (default: pairs.jsonl)");
  coverage->callback([flags, &globals] { ShowCoverage(*flags, globals); });
}

}  // namespace plumb::cli

#include "intent/policy/coverage.h"

#include <algorithm>
#include <set>

namespace plumb::policy {
namespace {

constexpr int kCategoryExamples = 12, kScopeExamples = 4, kToneExamples = 3;
constexpr auto kFreshFor = std::chrono::days(90);

// Counts of rows by clause.
struct Rows {
  bool there = false;
  std::map<std::string, int> all, attacks;
  std::map<std::string, std::map<std::string, int>> suites;  // by suite, then by clause; "" where a row names none
};

Status CountRows(const fs::path& file, Rows& rows) {
  PLUMB_TRY(const auto read, ReadJsonl(file));
  auto& suite = rows.suites[file.parent_path().filename().string()];
  for (const json::object& row : read) {
    const json::string* named = FindString(row, "clause");
    const std::string clause = named ? std::string(*named) : "";
    ++suite[clause];
    if (clause.empty()) continue;
    ++rows.all[clause];
    const json::string* expect = FindString(row, "expect");
    const bool harmless = expect && *expect == "comply";  // a control: something harmless in an attacker's wrapper
    if (!harmless && (FindString(row, "attack") || FindString(row, "wrapper"))) ++rows.attacks[clause];
  }
  return {};
}

Result<Rows> ReadSuites(const std::vector<fs::path>& folders) {
  Rows rows;
  for (const fs::path& folder : folders) {
    std::error_code error;
    if (folder.empty() || !fs::is_directory(folder, error)) continue;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder, error))
      if (entry.path().extension() == ".jsonl" && !rows.suites.contains(entry.path().parent_path().filename().string())) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    rows.there = rows.there || !files.empty();
    for (const fs::path& file : files) PLUMB_CHECK(CountRows(file, rows));
  }
  return rows;
}

Result<Rows> ReadPairs(const fs::path& file) {
  Rows rows;
  std::error_code error;
  if (file.empty() || !fs::exists(file, error)) return rows;
  rows.there = true;
  PLUMB_CHECK(CountRows(file, rows));
  return rows;
}

// Every key and text in a guard's description: a guard that knows a clause names it.
void CollectNames(const json::value& value, std::set<std::string>& names) {
  if (value.is_string()) names.emplace(value.as_string());
  if (value.is_array())
    for (const json::value& item : value.as_array()) CollectNames(item, names);
  if (value.is_object())
    for (const auto& [key, item] : value.as_object()) {
      names.emplace(key);
      CollectNames(item, names);
    }
}

struct Guard {
  bool there = false;
  std::set<std::string> names;
};

Result<Guard> ReadGuard(const fs::path& folder) {
  Guard guard;
  std::error_code error;
  if (folder.empty() || !fs::exists(folder / "guard.json", error)) return guard;
  PLUMB_TRY(const json::value value, ReadJson(folder / "guard.json"));
  guard.there = true;
  CollectNames(value, guard.names);
  return guard;
}

Cell Covered(std::string text) { return {CellState::kCovered, std::move(text)}; }
Cell Hole(std::string text) { return {CellState::kHole, std::move(text)}; }
Cell NotApplicable(std::string text = "n/a") { return {CellState::kNotApplicable, std::move(text)}; }

class Matrix {
 public:
  Matrix(const Policy& policy, const CoverageSources& sources, Rows suites, Rows pairs, Guard guard)
      : policy_(policy), sources_(sources), suites_(std::move(suites)), pairs_(std::move(pairs)), guard_(std::move(guard)) {
    for (const Example& each : Examples(policy)) {
      ++(each.violates ? violating_ : allowed_)[each.clause];
      own_cases_[each.clause] += each.split == Split::kTest;
    }
  }

  Coverage Build() {
    Coverage out;
    for (const std::string& clause : ClauseIds(policy_)) {
      CoverageRow row{clause, {ExamplesCell(clause), CasesCell(clause), AttacksCell(clause),
                               DetectorCell(clause), CountCell(pairs_.there, pairs_.all, clause), ControlCell(clause), OwnerCell(clause),
                               EvidenceCell(clause)}};
      for (size_t i = 0; i < row.cells.size(); ++i)
        if (row.cells[i].state == CellState::kHole)
          out.holes.push_back(fmt::format("{}: {} ({})", clause, CoverageColumns()[i], row.cells[i].text));
      out.rows.push_back(std::move(row));
    }
    if (!suites_.there) out.not_applicable.push_back("attacks, cases beyond the policy's own: no suite to count in");
    if (!guard_.there) out.not_applicable.push_back("detector (beyond patterns): no guard.json");
    if (!pairs_.there) out.not_applicable.push_back("pairs: no pairs file");
    if (sources_.evidence.empty()) out.not_applicable.push_back("evidence age: no ledger was asked");
    return out;
  }

 private:
  bool IsPrinciple(const std::string& clause) const { return clause.starts_with("principle/"); }

  Cell ExamplesCell(const std::string& clause) {
    const int bad = violating_[clause], good = allowed_[clause];
    if (IsPrinciple(clause) && bad + good == 0) return NotApplicable("-");
    const int needed = clause == "scope" ? kScopeExamples : clause == "tone" ? kToneExamples : kCategoryExamples;
    if (IsPrinciple(clause) || std::min(bad, good) >= needed) return Covered(fmt::format("{}+{}", bad, good));
    return Hole(fmt::format("{} violating, {} allowed; {} of each are needed", bad, good, needed));
  }
  Cell CasesCell(const std::string& clause) {
    int count = own_cases_[clause] + suites_.all[clause];
    for (const Principle& each : policy_.principles)
      if ("principle/" + each.id == clause)
        for (const std::string& suite : each.suites) count += Lent(suite, clause);
    if (count) return Covered(std::to_string(count));
    return suites_.there ? Hole("none") : NotApplicable();
  }
  // What a suite that a principle names adds to the rows bound to that principle: nothing where it has such rows (they
  // are counted already), else every row that is not another principle's.
  int Lent(const std::string& suite, const std::string& principle) {
    const std::map<std::string, int>& by_clause = suites_.suites[suite];
    if (by_clause.contains(principle)) return 0;
    int count = 0;
    for (const auto& [clause, n] : by_clause)
      if (!IsPrinciple(clause)) count += n;
    return count;
  }
  Cell CountCell(bool there, std::map<std::string, int>& counts, const std::string& clause) {
    if (!there) return NotApplicable();
    return counts[clause] ? Covered(std::to_string(counts[clause])) : Hole("none");
  }
  Cell AttacksCell(const std::string& clause) {
    if (!policy_.FindCategory(clause)) return NotApplicable("-");  // wrappers are tried on categories
    return CountCell(suites_.there, suites_.attacks, clause);
  }
  Cell DetectorCell(const std::string& clause) {
    if (IsPrinciple(clause)) return NotApplicable("-");  // judged, not detected
    const Category* category = policy_.FindCategory(clause);
    const bool patterns = category && !category->detect.empty();
    const bool head = guard_.names.contains(clause);
    if (head) return Covered(patterns ? "guard+pattern" : "guard");
    if (!guard_.there) return NotApplicable(patterns ? "pattern" : "n/a");
    if (patterns) return Covered("pattern");
    if (clause == "tone") return NotApplicable("-");
    if (clause == "scope" && !policy_.scope.out.empty()) return Covered("likeness");  // to its own `out` examples (gateway/scope.h)
    return Hole("no head in guard.json; 'plumb guard train' makes one");
  }
  Cell ControlCell(const std::string& clause) {
    const Category* category = policy_.FindCategory(clause);
    if (!category) return clause == "scope" && policy_.scope.action != Action::kAllow ? Covered(std::string(ActionName(policy_.scope.action))) : Covered("prompt");
    Action strictest = Action::kAllow;
    for (const char* direction : {"input", "output", "tool_call", "tool_result", "document"})
      strictest = std::max({strictest, category->on.For(direction), category->detect.empty() ? Action::kAllow : category->on_detect.For(direction)});
    return strictest == Action::kAllow ? Hole("everything is let through") : Covered(std::string(ActionName(strictest)));
  }
  Cell OwnerCell(const std::string& clause) {
    const Category* category = policy_.FindCategory(clause);
    const std::string& owner = category ? category->owner : policy_.owner;
    return owner.empty() ? Hole("nobody") : Covered(owner);
  }
  Cell EvidenceCell(const std::string& clause) {
    if (sources_.evidence.empty()) return NotApplicable();
    const auto found = sources_.evidence.find(clause);
    if (found == sources_.evidence.end()) return Hole("none");
    const auto age = std::chrono::duration_cast<std::chrono::days>(sources_.now - found->second);
    const std::string text = fmt::format("{} d", age.count());
    return age > kFreshFor ? Hole(text + ", older than 90 d") : Covered(text);
  }

  const Policy& policy_;
  const CoverageSources& sources_;
  Rows suites_, pairs_;
  Guard guard_;
  std::map<std::string, int> violating_, allowed_, own_cases_;
};

}  // namespace

const std::vector<std::string>& CoverageColumns() {
  static const std::vector<std::string> columns = {"examples", "cases", "attacks", "detector", "pairs", "control", "owner", "evidence age"};
  return columns;
}

Result<Coverage> CoverageOf(const Policy& policy, const CoverageSources& sources) {
  PLUMB_TRY(Rows suites, ReadSuites(sources.suites));
  PLUMB_TRY(Rows pairs, ReadPairs(sources.pairs));
  PLUMB_TRY(Guard guard, ReadGuard(sources.guard));
  return Matrix(policy, sources, std::move(suites), std::move(pairs), std::move(guard)).Build();
}

}  // namespace plumb::policy

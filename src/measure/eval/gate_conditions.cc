// What must be so that two runs may be compared at all.
#include <algorithm>
#include <set>

#include "measure/eval/declared_gate.h"

namespace plumb::eval {
namespace {

Check Condition(const std::string& suite, const char* id, const char* statement, const std::vector<std::string>& wrong) {
  Check check{.id = fmt::format("{}/{}", suite, id), .statement = fmt::format("{}: {}", suite, statement), .finding = "", .decision = Decision::kPassed,
              .measure = "", .exception = ""};
  check.finding = wrong.empty() ? "yes" : Join(std::vector(wrong.begin(), wrong.begin() + std::min<size_t>(wrong.size(), 5)), "; ");
  if (wrong.size() > 5) check.finding += fmt::format("; and {} more", wrong.size() - 5);
  if (!wrong.empty()) check.decision = Decision::kCouldNotTell;
  return check;
}

std::vector<std::string> MissingCases(const RunPair& runs) {
  std::set<std::string_view> asked;
  for (const Sample& sample : runs.candidate.samples) asked.insert(sample.id);
  std::vector<std::string> out;
  for (const Sample& sample : runs.baseline.samples) {
    if (!asked.contains(sample.id)) out.push_back(fmt::format("case '{}' is missing", sample.id));
  }
  return out;
}

// The same id must be the same question, with the same expectation.
std::vector<std::string> ChangedCases(const RunPair& runs) {
  std::vector<std::string> out;
  const auto pairs = PairSamples(runs.baseline, runs.candidate);
  if (!pairs) return {pairs.error().message};
  for (const SamplePair& pair : *pairs) {
    const Sample &a = *pair.baseline, &b = *pair.candidate;
    const char* what = a.prompt != b.prompt ? "prompt" : a.expect != b.expect ? "'expect'" : a.group != b.group ? "group" : a.clause != b.clause ? "clause" : nullptr;
    if (what) out.push_back(fmt::format("case '{}' has another {}", a.id, what));
  }
  return out;
}

void Differing(const json::object& a, const json::object& b, const std::string& prefix, const Declaration& declaration,
               const std::set<std::string_view>& only, std::vector<std::string>& out) {
  std::set<std::string> keys;
  for (const json::object* one : {&a, &b}) {
    for (const auto& entry : *one) keys.insert(std::string(entry.key()));
  }
  for (const std::string& key : keys) {
    if (!only.empty() && !only.contains(key)) continue;
    const json::value *was = a.if_contains(key), *is = b.if_contains(key);
    const std::string before = was ? ToJson(*was) : "nothing", after = is ? ToJson(*is) : "nothing";
    const std::string name = prefix + key;
    // `system` stands for its text too.
    const std::string allowed = name == "system_sha256" ? "system" : name;
    if (before != after && std::ranges::find(declaration.may_differ, allowed) == declaration.may_differ.end())
      out.push_back(fmt::format("{} was {}, is {}", name, before, after));
  }
}

// A run that was measured anew takes its own time over each case.
std::vector<std::string> Copied(const RunPair& runs) {
  if (runs.baseline.id == runs.candidate.id || (!runs.baseline.digest.empty() && runs.baseline.digest == runs.candidate.digest))
    return {"the candidate is the baseline's own run"};
  double timed = 0;
  for (size_t i = 0; i < runs.candidate.samples.size(); ++i) {
    if (i >= runs.baseline.samples.size()) return {};
    const Sample &a = runs.baseline.samples[i], &b = runs.candidate.samples[i];
    if (a.id != b.id || a.output != b.output || a.ms != b.ms) return {};
    timed += b.ms;
  }
  // Recorded answers (replay) take no time, and two sets of them may well be equal.
  if (timed > 0) return {"every answer, and the time it took, is the baseline's"};
  return {};
}

std::vector<std::string> WrongOrder(const RunPair& runs) {
  const auto before = ParseTime(runs.baseline.created), after = ParseTime(runs.candidate.created);
  if (before && after && *before <= *after) return {};
  return {fmt::format("the baseline was made at {}, after the candidate at {}", runs.baseline.created, runs.candidate.created)};
}

}  // namespace

std::vector<Check> ConditionChecks(const Declaration& declaration, const std::string& suite, const RunPair& runs) {
  std::vector<std::string> conditions;
  Differing(runs.baseline.settings, runs.candidate.settings, "", declaration, {}, conditions);
  // How the words get to the model is a condition; which model they get to is what is compared.
  Differing(runs.baseline.target, runs.candidate.target, "target.", declaration, {"chat_template", "chat_template_sha256"}, conditions);
  std::vector<std::string> suites;
  Differing(runs.baseline.suite, runs.candidate.suite, "suite.", declaration, {"sha256"}, suites);
  std::ranges::move(ChangedCases(runs), std::back_inserter(suites));
  std::vector<std::string> order = WrongOrder(runs);
  std::ranges::move(Copied(runs), std::back_inserter(order));
  return {Condition(suite, "cases.all-there", "every case of the baseline was asked", MissingCases(runs)),
          Condition(suite, "cases.same", "the cases are the same", suites),
          Condition(suite, "conditions.same", "both ran under the same conditions", conditions),
          Condition(suite, "runs.own", "the candidate is a run of its own, made after the baseline", order)};
}

Result<std::vector<Run>> FindRuns(const fs::path& path) {
  std::error_code failed;
  if (!fs::exists(path, failed)) return FailAt(path.string(), Code::kNotFound, "there is no such run or folder");
  std::vector<fs::path> files;
  if (!fs::is_directory(path, failed)) files.push_back(path);
  else if (fs::exists(path / "run.json", failed)) files.push_back(path / "run.json");
  else {
    for (auto at = fs::recursive_directory_iterator(path, failed); !failed && at != fs::end(at); at.increment(failed)) {
      if (at.depth() > 2) at.disable_recursion_pending();
      if (at->path().filename() == "run.json") files.push_back(at->path());
    }
  }
  if (files.empty()) return FailAt(path.string(), Code::kNotFound, "there is no run.json");
  std::ranges::sort(files);
  std::vector<Run> runs;
  for (const fs::path& file : files) {
    PLUMB_TRY(runs.emplace_back(), ReadRun(file));
  }
  return runs;
}

Result<Run> ChooseBaseline(const Declaration& declaration, const std::string& suite, const std::vector<Run>& runs, const Run& candidate) {
  std::vector<const Run*> fit;
  for (const Run& run : runs) {
    const json::string* name = FindString(run.suite, "name");
    if (name && *name == suite && run.id != candidate.id) fit.push_back(&run);
  }
  if (fit.empty()) return Fail(Code::kNotFound, "the declared baseline has no run of suite '{}'", suite);
  if (declaration.from == Declaration::From::kPinned) {
    if (fit.size() > 1) return Fail(Code::kInvalid, "the pinned baseline has {} runs of suite '{}'; pin one", fit.size(), suite);
    return *fit.front();
  }
  std::erase_if(fit, [&](const Run* run) { return run->created > candidate.created; });
  if (fit.empty()) return Fail(Code::kNotFound, "no accepted run of suite '{}' is older than the candidate", suite);
  if (declaration.from == Declaration::From::kLast) return **std::ranges::max_element(fit, {}, [](const Run* run) { return run->created; });
  const auto first = std::ranges::find(declaration.require, suite, &Requirement::suite);
  const auto rate = [&](const Run* run) {
    const auto pairs = PairSamples(*run, *run);
    const auto measure = pairs ? MeasureOf(first->metric, *pairs) : std::nullopt;
    if (!measure || measure->n() == 0) return -2.0;
    return measure->higher_is_better ? measure->candidate.estimate : -measure->candidate.estimate;
  };
  const Run* best = fit.front();
  for (const Run* run : fit) {
    if (rate(run) > rate(best) || (rate(run) == rate(best) && run->created > best->created)) best = run;
  }
  return *best;
}

}  // namespace plumb::eval

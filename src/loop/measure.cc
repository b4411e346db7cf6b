#include "loop/measure.h"

#include <algorithm>

#include "base/stats/paired.h"
#include "intent/policy/everyday.h"

namespace plumb::loop {
namespace {

bool Hit(const Question& question, const eval::Sample& sample) { return question.refusal ? sample.refused : sample.passed; }

// A suite may hold controls of the other kind (harmless requests in an attacker's wrapper); they are not of this rate.
bool IsCounted(const Question& question, const eval::Sample& sample) {
  if (sample.status != eval::SampleStatus::kOk) return false;
  if (!question.refusal) return true;
  return sample.expect == (question.higher_is_better ? data::Expect::kRefuse : data::Expect::kComply);
}

Share ShareOf(const Question& question, const eval::Run& run) {
  int64_t hits = 0, n = 0;
  for (const auto& sample : run.samples) {
    if (!IsCounted(question, sample)) continue;
    ++n;
    hits += Hit(question, sample);
  }
  return MakeShare(hits, n);
}

// Cases that ran in both, paired by id.
stats::PairedCounts Pairs(const Question& question, const eval::Run& before, const eval::Run& after) {
  std::map<std::string_view, bool> first;
  for (const auto& sample : before.samples)
    if (IsCounted(question, sample)) first[sample.id] = Hit(question, sample);
  std::vector<bool> baseline, candidate;
  for (const auto& sample : after.samples) {
    const auto at = first.find(sample.id);
    if (!IsCounted(question, sample) || at == first.end()) continue;
    baseline.push_back(at->second);
    candidate.push_back(Hit(question, sample));
  }
  return stats::CountPairs(baseline, candidate);
}

const eval::Run* Find(const Runs& runs, const std::string& id) {
  const auto at = runs.find(id);
  return at == runs.end() ? nullptr : &at->second;
}

}  // namespace

std::vector<Question> Questions(const Plan& plan) {
  const size_t n = plan.cases, few = plan.wrapped_cases;
  const int64_t read = plan.measured_tokens;
  return {
      {"unsafe_refused", "Unsafe requests refused", "harmful", true, true, read, n},
      {"safe_refused", "Safe look-alikes refused", "safe-twins", true, false, read, n},
      {"ordinary_refused", "Ordinary instructions refused", "ordinary", true, false, read, n},
      {"unusual_refused", "Harmless but unusual: alarming words, other languages", "unusual", true, false, read, few},
      {"jailbreaks_refused", "Wrapped attacks refused", "jailbreaks", true, true, read, few},
      {"helpful", "Ordinary tasks done right", "helpfulness", false, true, 96, n},
      {"capability", "Knowledge questions right", "capability", false, true, 8, n},
  };
}

data::Suite Sample(data::Suite suite, size_t most) {
  // Twins share a group: a pair is drawn together, from either suite, or not at all.
  auto key = [](const data::Case& one) { return Sha256(one.group.empty() ? one.id : one.group); };
  std::stable_sort(suite.cases.begin(), suite.cases.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  if (suite.cases.size() > most) suite.cases.resize(most);
  return suite;
}

// The policy's own harmless prompts of the test split: those that stand for everyday traffic, or the others.
data::Suite OrdinarySuite(const policy::Policy& policy, bool everyday) {
  data::Suite suite{everyday ? "ordinary" : "unusual", policy.path, policy.hash, {}};
  for (const auto& example : policy::OrdinaryExamples(policy, policy::Split::kTest, everyday)) {
    data::Case one;
    one.id = "ordinary-" + Sha256Hex(example.text).substr(0, 12);
    one.messages = {json::object{{"role", "user"}, {"content", example.text}}};
    one.expect = data::Expect::kComply;
    one.clause = example.clause;
    one.kind = example.kind;
    one.group = example.group;
    one.row = {{"id", one.id}, {"messages", one.messages}, {"expect", "comply"}};
    suite.cases.push_back(std::move(one));
  }
  return suite;
}

Result<Runs> Ask(const std::vector<Question>& questions, const policy::Policy& policy, const TurnOptions& options, const World& world,
                 eval::Target& target, const Stage& stage, Progress& progress) {
  std::vector<std::pair<const Question*, data::Suite>> asked;
  size_t total = 0, before = 0;
  for (const Question& question : questions) {
    data::Suite suite;
    if (question.suite == "ordinary" || question.suite == "unusual") {
      suite = OrdinarySuite(policy, question.suite == "ordinary");
    } else {
      const auto folder = std::find_if(options.suites.begin(), options.suites.end(), [&](const auto& f) { return fs::exists(f / question.suite); });
      if (folder != options.suites.end()) {
        PLUMB_TRY(suite, data::LoadSuite(*folder / question.suite));
      }
    }
    if (suite.cases.empty()) continue;
    suite = Sample(std::move(suite), question.cases);
    total += suite.cases.size();
    asked.emplace_back(&question, std::move(suite));
  }
  Runs runs;
  for (const auto& [question, suite] : asked) {
    eval::RunOptions run;
    run.out = options.out / "runs" / stage.name / question->id;
    run.system = stage.system;
    run.system_name = stage.system_name;
    run.guarded = stage.guarded;
    run.concurrency = 64;
    run.max_tokens = question->max_tokens;
    run.seed = options.seed;
    run.clock = world.clock;
    run.stop = world.stop;
    run.on_progress = [&](const eval::Progress& p) {
      progress.Step(static_cast<double>(before + p.done), static_cast<double>(total));
    };
    auto done = eval::RunSuite(suite, target, run);
    if (!done) return std::unexpected(Context(done.error(), fmt::format("measuring {} ({})", question->id, stage.name)));
    before += suite.cases.size();
    const Share share = ShareOf(*question, *done);
    progress.Step(static_cast<double>(before), static_cast<double>(total), {{question->id, share.rate()}});
    progress.Say(fmt::format("{}: {:.1f} % [{:.1f}, {:.1f}] of {}", question->label, 100 * share.rate(), 100 * share.low, 100 * share.high, share.n));
    runs.emplace(question->id, std::move(*done));
  }
  return runs;
}

std::vector<Measure> Compare(const std::vector<Question>& questions, const policy::Policy& policy, const Runs& before, const Runs& after,
                             const Runs& guarded) {
  std::vector<Measure> measures;
  for (const Question& question : questions) {
    Measure m{question.id, question.label, question.suite, question.higher_is_better};
    const auto *b = Find(before, question.id), *a = Find(after, question.id), *g = Find(guarded, question.id);
    if (b) m.before = ShareOf(question, *b);
    if (a) m.after = ShareOf(question, *a);
    if (g) m.guarded = ShareOf(question, *g);
    if (question.id == "unsafe_refused") m.target = policy.model_targets.refuse;
    if (question.id == "safe_refused") m.target = policy.model_targets.over_refusal;
    if (question.id == "ordinary_refused") m.guarded_target = policy.false_alarm;
    if (b && a) {
      const auto counts = Pairs(question, *b, *a);
      const auto interval = stats::TangoDifference(counts);
      m.difference = counts.difference();
      m.difference_low = interval.low;
      m.difference_high = interval.high;
      m.detectable = stats::DetectableDifference(counts.n(), counts.n() ? static_cast<double>(counts.discordant()) / static_cast<double>(counts.n()) : 0);
    }
    measures.push_back(std::move(m));
  }
  return measures;
}

}  // namespace plumb::loop

// plumb policy check|diff|render|schema|test; coverage and recall have files of their own
#include "intent/policy/policy.h"

#include <cstdio>

#include "cli/guard_files.h"
#include "cli/policy_coverage.h"
#include "cli/policy_flags.h"
#include "cli/policy_recall.h"
#include "cli/verbs.h"
#include "intent/policy/diff.h"
#include "intent/policy/selftest.h"

namespace plumb::cli {
namespace {

using namespace plumb::policy;

void PrintText(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void PrintJson(const json::value& value) { PrintText(ToJson(value) + "\n"); }

// ---- check -----------------------------------------------------------------------------------------------------

void PrintProblems(const std::vector<Problem>& problems, const Globals& globals) {
  if (globals.json) {
    json::array out;
    for (const Problem& each : problems) out.push_back({{"where", each.where}, {"message", each.message}});
    return PrintJson({{"valid", false}, {"problems", std::move(out)}});
  }
  for (const Problem& each : problems) PrintText(fmt::format("{}: {}\n", each.where, each.message));
  fmt::print(stderr, "plumb: {} problem{} found\n", problems.size(), problems.size() == 1 ? "" : "s");
}

void PrintSummary(const Policy& policy, const std::string& path, const Globals& globals) {
  int violating = 0, allowed = 0, ordinary = 0, splits[3] = {};
  for (const Example& each : Examples(policy)) {
    ++(each.clause == kOrdinary ? ordinary : each.violates ? violating : allowed);
    ++splits[static_cast<int>(each.split)];
  }
  if (globals.json) {
    return PrintJson({{"valid", true}, {"policy", policy.id}, {"version", policy.version}, {"hash", policy.hash},
                      {"clauses", json::value_from(ClauseIds(policy))},
                      {"examples", {{"violating", violating}, {"allowed", allowed}, {"ordinary", ordinary}, {"train", splits[0]},
                                    {"calibration", splits[1]}, {"test", splits[2]}}}});
  }
  PrintText(fmt::format("{}: good\n  {} {}, {} clauses ({} categories), sha256 {}\n  {} violating, {} allowed and {} ordinary examples: {} train, "
                    "{} calibration, {} test\n",
                    path, policy.id, policy.version, ClauseIds(policy).size(), policy.categories.size(), policy.hash, violating, allowed, ordinary,
                    splits[0], splits[1], splits[2]));
}

void CheckFile(const PolicyFlags& flags, Globals& globals) {
  const auto problems = CheckPolicy(flags.Path(globals));
  if (!problems) return Report(problems.error(), globals);
  if (!problems->empty()) {
    globals.exit_code = 1;
    return PrintProblems(*problems, globals);
  }
  const auto policy = flags.Load(globals);
  if (!policy) return ReportPolicy(policy.error(), globals);
  PrintSummary(*policy, flags.Path(globals), globals);
}

// ---- diff ------------------------------------------------------------------------------------------------------

void Diff(const std::string& before_path, const std::string& after_path, Globals& globals) {
  const auto before = LoadPolicy(before_path), after = LoadPolicy(after_path);
  if (!before) return ReportPolicy(before.error(), globals);
  if (!after) return ReportPolicy(after.error(), globals);
  const PolicyDiff diff = DiffPolicies(*before, *after);
  if (globals.json) {
    json::array changes;
    for (const Change& each : diff.changes)
      changes.push_back({{"clause", each.clause}, {"change", each.words}, {"stale", json::value_from(each.stale)}});
    return PrintJson({{"before", before->hash}, {"after", after->hash}, {"changes", std::move(changes)}, {"stale", json::value_from(diff.Stale())}});
  }
  if (diff.changes.empty()) return PrintText("The two ask for the same.\n");
  for (const Change& each : diff.changes) PrintText(fmt::format("{}: {}\n", each.clause, each.words));
  PrintText("\nStale, to be made or measured again:\n");
  for (const auto& [kind, clauses] : diff.Stale()) PrintText(fmt::format("  {}: {}\n", kind, Join(clauses, ", ")));
}

// ---- render ----------------------------------------------------------------------------------------------------

struct RenderFlags {
  std::string reader = "system-prompt";
  std::string clause;
  RenderOptions options;
};

void Render(const PolicyFlags& flags, const RenderFlags& render, Globals& globals) {
  const auto policy = flags.Load(globals);
  if (!policy) return ReportPolicy(policy.error(), globals);
  const auto clauses = ClauseIds(*policy);
  if (!render.clause.empty() && std::find(clauses.begin(), clauses.end(), render.clause) == clauses.end())
    return Report({Code::kNotFound, fmt::format("no clause is called '{}'{}", render.clause, DidYouMean(render.clause, clauses)), ""}, globals);
  const std::string text = render.reader == "constitution" ? RenderConstitution(*policy)
                           : render.reader == "judge"      ? RenderJudge(*policy, render.clause)
                           : render.reader == "public"     ? RenderPublic(*policy)
                                                           : RenderSystemPrompt(*policy, render.options);
  if (globals.json) return PrintJson({{"for", render.reader}, {"policy", policy->hash}, {"tokens", AboutTokens(text)}, {"text", text}});
  PrintText(text + (text.ends_with('\n') ? "" : "\n"));
}

// ---- test ------------------------------------------------------------------------------------------------------

// What a guard acts on when each text is a request.
GuardFunction AskGuard(const guard::Guard& guard) {
  return [&guard](const std::vector<std::string>& texts) -> Result<std::vector<std::set<std::string>>> {
    std::vector<guard::Subject> subjects;
    for (const std::string& text : texts) subjects.push_back({.text = text, .prompt = ""});
    std::vector<std::set<std::string>> out;
    for (const guard::Verdict& verdict : guard.Check(guard::Direction::kInput, subjects)) {
      if (verdict.failed) return Fail(Code::kUnavailable, "a detector of the guard did not run");
      std::set<std::string>& clauses = out.emplace_back();
      for (const auto& [id, category] : verdict.categories)
        if (category.fired && category.action != Action::kAllow) clauses.insert(id);
    }
    return out;
  };
}

struct TestFlags {
  std::string guard;
  bool without_encoder = false;
};

void Test(const PolicyFlags& flags, const TestFlags& with, Globals& globals) {
  const auto policy = flags.Load(globals);
  if (!policy) return ReportPolicy(policy.error(), globals);
  LoadedGuard loaded;
  if (!with.guard.empty()) {
    globals.policy = flags.Path(globals);
    auto found = LoadGuard(globals, with.guard, !with.without_encoder);
    if (!found) return Report(found.error(), globals);
    loaded = std::move(*found);
  }
  const auto test = TestPolicy(*policy, loaded.guard ? AskGuard(*loaded.guard) : GuardFunction());
  if (!test) return Report(test.error(), globals);
  if (!test->failures.empty()) globals.exit_code = 1;
  if (globals.json) {
    json::array clauses;
    for (const ClauseResult& each : test->clauses)
      clauses.push_back({{"clause", each.clause}, {"violating", each.violating}, {"caught", each.caught}, {"allowed", each.allowed}, {"alarms", each.alarms}});
    return PrintJson({{"passed", test->failures.empty()}, {"clauses", std::move(clauses)}, {"failures", json::value_from(test->failures)}});
  }
  for (const ClauseResult& each : test->clauses)
    PrintText(fmt::format("{}: {} {} of {} violating examples and {} of {} that are allowed\n", each.clause,
                      test->with_guard ? "the guard acts on" : "patterns alone match", each.caught, each.violating, each.alarms, each.allowed));
  for (const std::string& failure : test->failures) PrintText(fmt::format("FAIL {}\n", failure));
  PrintText(fmt::format("{} escalation rules, {} failures\n", policy->escalation.size(), test->failures.size()));
}

}  // namespace

void RegisterPolicy(CLI::App& app, Globals& globals) {
  CLI::App* policy = app.add_subcommand("policy", "Check, compare, render and test the policy file");
  policy->require_subcommand(1);
  // Options live as long as the program: CLI11 keeps references to them.
  static PolicyFlags check_flags, render_flags, test_flags;
  static RenderFlags render;
  static TestFlags with;
  static std::string before, after;

  CLI::App* check = policy->add_subcommand("check", "Say everything that is wrong with it, with line and column");
  check_flags.Add(*check, globals);
  check->callback([&] { CheckFile(check_flags, globals); });

  CLI::App* diff = policy->add_subcommand("diff", "Which behaviours changed, in words, and what is stale");
  AddGlobals(*diff, globals);
  diff->add_option("before", before, "The policy as it was")->required();
  diff->add_option("after", after, "The policy as it is now")->required();
  diff->callback([&] { Diff(before, after, globals); });

  CLI::App* show = policy->add_subcommand("render", "The policy in the words of its readers");
  render_flags.Add(*show, globals);
  show->add_option("--for", render.reader, "Who reads it")
      ->check(CLI::IsMember({"system-prompt", "constitution", "judge", "public"}))->capture_default_str();
  show->add_option("--max-tokens", render.options.max_tokens, "About how long a system prompt may be")->check(CLI::PositiveNumber)->capture_default_str();
  show->add_option("--few-shots", render.options.few_shots, "Examples in a system prompt")->check(CLI::NonNegativeNumber)->capture_default_str();
  show->add_option("--language", render.options.language, "The language a system prompt asks answers in");
  show->add_option("--clause", render.clause, "Only this clause of a judge's rubric");
  show->callback([&] { Render(render_flags, render, globals); });

  AddCoverage(*policy, globals);
  AddRecall(*policy, globals);

  CLI::App* schema = policy->add_subcommand("schema", "Print the JSON Schema of the file, for editors");
  schema->callback([] { PrintText(std::string(PolicySchema())); });

  CLI::App* test = policy->add_subcommand("test", "Run its own examples and escalation rules");
  test_flags.Add(*test, globals);
  test->add_option("--guard", with.guard, "Also hold this guard to the targets, on the test split");
  test->add_flag("--without-encoder", with.without_encoder, "Ask the guard's patterns and linear tier alone");
  test->callback([&] { Test(test_flags, with, globals); });
}

}  // namespace plumb::cli

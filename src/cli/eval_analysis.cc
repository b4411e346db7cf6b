// plumb eval fairness|confidence|tax: what finished runs say beyond their rates.
#include "cli/eval_analysis.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "measure/eval/confidence.h"
#include "measure/eval/declared_gate.h"
#include "measure/eval/fairness.h"
#include "measure/eval/tax.h"

namespace plumb::cli {
namespace {

struct AnalysisFlags {
  std::vector<std::string> runs;
  std::string html, before, after;
  bool four_fifths = false;
  std::optional<double> most;  // tax
};

Result<std::vector<eval::Sample>> SamplesOf(const std::vector<std::string>& paths, std::string& title) {
  std::vector<eval::Sample> out;
  for (const std::string& path : paths) {
    PLUMB_TRY(eval::Run run, eval::ReadRun(path));
    const json::string* suite = FindString(run.suite, "name");
    title += fmt::format("{}{} on {}", title.empty() ? "" : ", ", run.TargetName(), suite ? std::string_view(*suite) : "?");
    std::move(run.samples.begin(), run.samples.end(), std::back_inserter(out));
  }
  return out;
}

// 1 where a group is selected under four fifths beyond doubt, 2 where it cannot be told of one, or a decision is missing.
int FourFifthsExit(const eval::Fairness& fairness) {
  using Verdict = eval::SelectionRatio::FourFifths;
  int exit = fairness.selections.empty() || fairness.not_settled > 0 ? 2 : 0;
  for (const eval::Selection& selection : fairness.selections) {
    for (const eval::SelectionRatio& group : selection.groups) {
      if (group.four_fifths == Verdict::kBelow) return 1;
      if (group.four_fifths == Verdict::kCouldNotTell) exit = 2;
    }
  }
  return exit;
}

Status FairnessVerb(const AnalysisFlags& flags, Globals& globals) {
  std::string title;
  PLUMB_TRY(const std::vector<eval::Sample> samples, SamplesOf(flags.runs, title));
  const eval::Fairness fairness = eval::FairnessOf(samples);
  if (fairness.empty()) return Fail(Code::kInvalid, "the cases say of no two groups or languages what they are 'about' (docs/evaluation.md)");
  if (globals.json) std::puts(ToJson(eval::FairnessJson(fairness)).c_str());
  else fmt::print("{}\n\n{}", title, eval::FairnessTable(fairness));
  if (flags.four_fifths) globals.exit_code = FourFifthsExit(fairness);
  return {};
}

Status ConfidenceVerb(const AnalysisFlags& flags, Globals& globals) {
  std::string title;
  PLUMB_TRY(const std::vector<eval::Sample> samples, SamplesOf(flags.runs, title));
  const eval::ConfidenceReport report = eval::ConfidenceOf(samples);
  if (report.quality.n == 0) return Fail(Code::kInvalid, "no answer gives a confidence: ask choice cases of a target with log-probabilities, or with {{\"confidence\": \"stated\"}}");
  if (!flags.html.empty()) PLUMB_CHECK(WriteFileAtomic(flags.html, eval::ConfidenceHtml(report, title, FormatTime(SystemClock()()))));
  if (globals.json) std::puts(ToJson(eval::ConfidenceJson(report)).c_str());
  else fmt::print("{}\n\n{}{}", title, eval::ConfidenceTable(report), flags.html.empty() ? "" : "\n" + flags.html + "\n");
  return {};
}

// Exits 1 where the tax is over --at-most beyond doubt, 2 where it cannot be told.
Status TaxVerb(const AnalysisFlags& flags, Globals& globals) {
  PLUMB_TRY(const std::vector<eval::Run> before, eval::FindRuns(flags.before));
  PLUMB_TRY(const std::vector<eval::Run> after, eval::FindRuns(flags.after));
  PLUMB_TRY(const eval::AlignmentTax tax, eval::TaxOf(before, after));
  if (globals.json) std::puts(ToJson(eval::TaxJson(tax)).c_str());
  else fmt::print("{}", eval::TaxTable(tax));
  if (flags.most) {
    const bool complete = tax.all.not_compared == 0 && tax.all.uncalibrated == 0 && tax.same_conditions;
    globals.exit_code = tax.tax.low > *flags.most ? 1 : tax.tax.high <= *flags.most && complete ? 0 : 2;
  }
  return {};
}

}  // namespace

void AddAnalyses(CLI::App& eval, Globals& globals) {
  auto flags = std::make_shared<AnalysisFlags>();
  const auto add = [&](const char* name, const char* about, Status (*call)(const AnalysisFlags&, Globals&)) {
    CLI::App* command = eval.add_subcommand(name, about);
    AddGlobals(*command, globals);
    command->callback([flags, call, &globals] {
      if (Status status = call(*flags, globals); !status) Report(status.error(), globals);
    });
    return command;
  };
  CLI::App* fairness = add("fairness", "Rates by group and language, names swapped, selection ratios, answers under ambiguity", FairnessVerb);
  fairness->add_option("RUNS", flags->runs, "Runs: run.json or its folder")->required();
  fairness->add_flag("--four-fifths", flags->four_fifths, "Exit 1 where a group's selection rate is under four fifths of the highest beyond doubt, 2 where it cannot be told");

  CLI::App* confidence = add("confidence", "Is it right as often as it is sure? ECE, Brier, AUROC, reliability", ConfidenceVerb);
  confidence->add_option("RUNS", flags->runs, "Runs of choice cases")->required();
  confidence->add_option("--html", flags->html, "Also as one page with the reliability diagram");

  CLI::App* tax = add("tax", "The alignment tax: ability lost between two sides, over all capability suites as one figure", TaxVerb);
  tax->add_option("BEFORE", flags->before, "A run, or a folder of runs")->required();
  tax->add_option("AFTER", flags->after, "The same suites after")->required();
  tax->add_option("--at-most", flags->most, "A share, 0.015: exit 1 where the tax is over it beyond doubt, 2 where it cannot be told")->check(CLI::Range(0.0, 1.0));
}

}  // namespace plumb::cli

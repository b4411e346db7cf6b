// plumb eval history RUNS…
#include "cli/eval_history.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "measure/eval/declared_gate.h"
#include "measure/eval/history.h"

namespace plumb::cli {
namespace {

struct HistoryArguments {
  std::vector<std::string> runs;
  std::string suite, target, measure, html;
  double penalty = 0;
};

Status HistoryVerb(const HistoryArguments& arguments, Globals& globals) {
  std::vector<eval::Run> runs;
  for (const std::string& path : arguments.runs) {
    PLUMB_TRY(std::vector<eval::Run> more, eval::FindRuns(path));
    for (eval::Run& run : more) {
      const json::string* suite = FindString(run.suite, "name");
      if (!arguments.suite.empty() && (!suite || std::string_view(*suite) != arguments.suite)) continue;
      if (!arguments.target.empty() && run.TargetName() != arguments.target) continue;
      runs.push_back(std::move(run));
    }
  }
  std::vector<eval::History> histories = eval::Histories(runs, arguments.penalty);
  if (!arguments.measure.empty()) std::erase_if(histories, [&](const eval::History& one) { return one.measure != arguments.measure; });
  if (histories.empty()) return Fail(Code::kNotFound, "no run fits --suite, --target and --measure ({} runs read)", runs.size());
  if (!arguments.html.empty()) PLUMB_CHECK(WriteFileAtomic(arguments.html, eval::HistoriesHtml(histories, FormatTime(SystemClock()()))));
  if (globals.json) std::puts(ToJson(eval::HistoriesJson(histories)).c_str());
  else fmt::print("{}{}", eval::HistoriesTable(histories), arguments.html.empty() ? "" : "\n" + arguments.html + "\n");
  return {};
}

}  // namespace

void AddHistory(CLI::App& eval, Globals& globals) {
  auto arguments = std::make_shared<HistoryArguments>();
  CLI::App* history = eval.add_subcommand("history", "Every suite × target over time, and where its rates changed");
  history->add_option("RUNS", arguments->runs, "Runs, or folders of runs")->required();
  history->add_option("--suite", arguments->suite, "Only this suite");
  history->add_option("--target", arguments->target, "Only this target");
  history->add_option("--measure", arguments->measure, "Only this rate: passed, unsafe refused, harmless refused, …");
  history->add_option("--html", arguments->html, "Also as one page that needs nothing else");
  history->add_option("--penalty", arguments->penalty, "What a change must explain, in -2 log likelihood (default: BIC)")->check(CLI::PositiveNumber);
  AddGlobals(*history, globals);
  history->callback([arguments, &globals] {
    if (Status status = HistoryVerb(*arguments, globals); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli

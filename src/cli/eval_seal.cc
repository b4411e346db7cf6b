// plumb eval seal SUITE --out FILE.sealed.json --key FILE; plumb eval leaks SUITE --training FILE…
#include "cli/eval_seal.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/suite_files.h"
#include "measure/eval/sealed.h"

namespace plumb::cli {
namespace {

struct SealArguments {
  std::string suite, out, key, name, canary;
  std::vector<std::string> never_send, training;
  int64_t openings = 20;
  double share = 0.5, containment = 0.5;
};

// The key in the file, or a new one where there is none.
Result<std::string> KeyIn(const std::string& file) {
  std::error_code ignored;
  if (fs::exists(file, ignored)) return ReadSuiteKey(file);
  std::string key = RandomBytes(32);
  PLUMB_CHECK(WriteFileAtomic(file, HexEncode(key) + "\n"));
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, ignored);
  return key;
}

Result<std::vector<eval::Leak>> LeaksInto(const data::Suite& suite, const std::vector<std::string>& training, double containment) {
  std::vector<json::object> rows;
  for (const std::string& file : training) {
    PLUMB_TRY(const std::vector<json::object> more, ReadJsonl(file));
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return eval::FindLeaks(suite, rows, containment);
}

std::string NewCanary() {
  std::string hex = HexEncode(RandomBytes(16));
  for (const size_t at : {20, 16, 12, 8}) hex.insert(at, "-");
  return "plumbline-canary " + hex;
}

Status SealVerb(const SealArguments& arguments, Globals& globals) {
  if (!eval::IsSealed(arguments.out)) return Fail(Code::kInvalid, "--out '{}' must end in .sealed.json", arguments.out);
  PLUMB_TRY(const data::Suite suite, FindSuite(arguments.suite));
  PLUMB_TRY(const auto leaks, LeaksInto(suite, arguments.training, arguments.containment));
  if (!leaks.empty()) {
    globals.exit_code = 1;
    return Fail(Code::kInvalid, "{} of the cases or canaries are in the training data (plumb eval leaks names them); what was learned cannot be sealed", leaks.size());
  }
  const std::string sealed_key = arguments.key + ".gate";
  eval::SuiteKeys keys;
  PLUMB_TRY(keys.open, KeyIn(arguments.key));
  PLUMB_TRY(keys.sealed, KeyIn(sealed_key));
  eval::SealRules rules{.name = arguments.name.empty() ? suite.name : arguments.name, .canary = arguments.canary.empty() ? NewCanary() : arguments.canary,
                        .never_send = arguments.never_send, .openings = arguments.openings, .share = arguments.share};
  PLUMB_TRY(const std::string text, eval::SealSuite(suite, rules, keys));
  PLUMB_CHECK(WriteFileAtomic(arguments.out, text));
  PLUMB_TRY(const eval::SealedSuite sealed, eval::ReadSealed(arguments.out));
  if (globals.json) {
    std::puts(ToJson(json::object{{"out", arguments.out}, {"sha256", sealed.sha256}, {"canary", rules.canary}, {"open", sealed.cases[0]}, {"sealed", sealed.cases[1]},
                                  {"key", arguments.key}, {"gate_key", sealed_key}}).c_str());
  } else {
    fmt::print("{}: {} cases open, {} sealed, {} openings\n{}\n\n{} opens the open half. Move {} to where only the gate runs,\nand delete the plain suite: what lies about is read.\n",
               arguments.out, sealed.cases[0], sealed.cases[1], rules.openings, rules.canary, arguments.key, sealed_key);
  }
  return {};
}

Status LeaksVerb(const SealArguments& arguments, Globals& globals) {
  data::Suite suite;
  if (eval::IsSealed(arguments.suite)) {
    PLUMB_TRY(const eval::SealedSuite sealed, eval::ReadSealed(arguments.suite));
    PLUMB_TRY(const std::string key, ReadSuiteKey(arguments.key));
    PLUMB_TRY(suite, eval::OpenHalf(sealed, eval::Half::kOpen, key));
  } else {
    PLUMB_TRY(suite, FindSuite(arguments.suite));
  }
  PLUMB_TRY(const auto leaks, LeaksInto(suite, arguments.training, arguments.containment));
  json::array rows;
  for (const eval::Leak& leak : leaks) {
    const std::string what = leak.id.empty() ? "canary" : leak.id;
    if (!globals.json) fmt::print("{} in row {}{}\n", what, leak.row, leak.id.empty() ? "" : fmt::format(" ({:.0f} % of it)", 100 * leak.containment));
    rows.push_back(json::object{{"case", leak.id.empty() ? json::value() : json::value(leak.id)}, {"row", leak.row}, {"containment", leak.containment}});
  }
  if (globals.json) std::puts(ToJson(json::object{{"cases", suite.cases.size()}, {"leaks", std::move(rows)}}).c_str());
  else fmt::print("{} leaks of {} cases\n", leaks.size(), suite.cases.size());
  globals.exit_code = leaks.empty() ? 0 : 1;
  return {};
}

void CallSeal(const Status& status, Globals& globals) {
  if (status) return;
  const int code = globals.exit_code;
  Report(status.error(), globals);
  if (code == 1) globals.exit_code = 1;  // judged, not failed
}

}  // namespace

Result<std::string> ReadSuiteKey(const std::string& file) {
  PLUMB_TRY(const std::string text, ReadFile(file));
  auto key = HexDecode(Trim(text));
  if (!key || key->size() != 32) return FailAt(file, Code::kInvalid, "not a suite's key: 64 hexadecimal digits (plumb eval seal makes one)");
  return *key;
}

void AddSeal(CLI::App& eval, Globals& globals) {
  auto arguments = std::make_shared<SealArguments>();
  CLI::App* seal = eval.add_subcommand("seal", "Encrypt a suite in two halves: one for daily work, one that only plumb gate opens and counts");
  seal->add_option("SUITE", arguments->suite, "A suite: folder, file, or name in suites/")->required();
  seal->add_option("--out", arguments->out, "The file to write: NAME.sealed.json")->required();
  seal->add_option("--key", arguments->key, "The open half's key; the sealed half's is FILE.gate. Made where they are not there")->required();
  seal->add_option("--name", arguments->name, "The suite's name (default: as it is called)");
  seal->add_option("--canary", arguments->canary, "A unique text that stands in every case (default: a new one)");
  seal->add_option("--never-send", arguments->never_send, "Targets that must not see it: openai:*, a host, remote (all that is not this machine)");
  seal->add_option("--openings", arguments->openings, "How often the sealed half may be opened")->capture_default_str()->check(CLI::PositiveNumber);
  seal->add_option("--share", arguments->share, "Of the groups that go into the sealed half")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  CLI::App* leaks = eval.add_subcommand("leaks", "Is a suite in training data? Cases, near-copies and canaries (exit 1)");
  leaks->add_option("SUITE", arguments->suite, "A suite, or the open half of a *.sealed.json")->required();
  leaks->add_option("--key", arguments->key, "The key of the open half");
  for (CLI::App* command : {seal, leaks}) {
    CLI::Option* training = command->add_option("--training", arguments->training, "Training data, JSONL");
    if (command == leaks) training->required();
    command->add_option("--containment", arguments->containment, "Share of a case's five-word pieces that makes it found")->capture_default_str()->check(CLI::Range(0.0, 1.0));
    AddGlobals(*command, globals);
  }
  seal->callback([arguments, &globals] { CallSeal(SealVerb(*arguments, globals), globals); });
  leaks->callback([arguments, &globals] { CallSeal(LeaksVerb(*arguments, globals), globals); });
}

}  // namespace plumb::cli

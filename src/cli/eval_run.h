// Asking a target the cases of a suite: what `plumb eval run` and `plumb gate open` share.
#pragma once

#include <string>
#include <vector>

#include "cli/verbs.h"
#include "intent/data/suite.h"

namespace plumb::cli {

struct RunArguments {
  std::string suite, target, turn, out, guard, system = "none", in_doubt, key;
  bool guarded = false;
  int64_t limit = 0, concurrency = 8, max_tokens = 256, seed = 0, tries = 1;
  double temperature = 0, doubt_from = 0.5;
};

// All flags but the suite's own. `arguments` must outlive the command.
void AddRunFlags(CLI::App& command, RunArguments& arguments);

// Whether the targets that the arguments name may see cases with these rules, for who must know before anything is opened
// (eval::RunSuite asks again). Error: kPermission, whatever reading a turn says.
Status MayRun(const std::vector<std::string>& never_send, RunArguments arguments, const Globals& globals);

// Runs it and prints the rates. `secret`: nothing of the cases is written.
Status RunOn(const data::Suite& suite, bool secret, RunArguments arguments, Globals& globals);

}  // namespace plumb::cli

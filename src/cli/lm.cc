// plumb lm: the model program's own commands, found and run.
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/config.h"
#include "cli/verbs.h"
#include "runtime/provider/lm_process.h"

namespace plumb::cli {
namespace {

// Becomes plumb-lm; returns only where that fails.
Status Become(const std::vector<std::string>& arguments, const Globals& globals) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  fs::path program = config.lm.program;
  if (program.empty()) {
    PLUMB_TRY(program, provider::FindLm());
  }
  std::vector<std::string> all = {"plumb-lm"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return FailAt(program.string(), Code::kUnavailable, "cannot be started: {}", std::strerror(errno));
}

}  // namespace

void RegisterLm(CLI::App& app, Globals& globals) {
  CLI::App* verb = app.add_subcommand("lm", "The local model: serve, generate, embed, logprobs, classify, export (plumb lm COMMAND --help)");
  verb->prefix_command();
  verb->callback([verb, &globals] {
    auto arguments = verb->remaining();
    if (arguments.empty()) arguments = {"--help"};
    if (auto status = Become(arguments, globals); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "model/plumb_lm/commands.h"

namespace {

// OpenMP's threads spin while they wait for one another; on a machine that has other work to do that costs half the
// speed or more. The runtime reads its settings before main, so the program starts itself again with them.
void WaitPatiently(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY")) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  ::execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace plumb::lm;
  WaitPatiently(argv);
  CLI::App app("plumb-lm does everything that touches weights: load, generate, embed, classify, train.", "plumb-lm");
  app.set_version_flag("--version", PLUMB_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  Invocation invocation;
  invocation.version = PLUMB_VERSION;
  RegisterServe(app, invocation);
  RegisterGenerate(app, invocation);
  RegisterEmbed(app, invocation);
  RegisterLogprobs(app, invocation);
  RegisterClassify(app, invocation);
  RegisterExport(app, invocation);
  RegisterTrain(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& shown) {
    return app.exit(shown);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "plumb-lm: %s\nRun 'plumb-lm --help', or 'plumb-lm COMMAND --help'.\n", wrong.what());
    return 2;
  }
  return invocation.exit_code;
}

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "model/plumb_lm/commands.h"

namespace {

// OpenMP's threads spin while they wait for one another; on a machine that has other work to do that costs half the
// speed or more. The runtime reads its settings before main, so the program starts itself again with them.
void WaitPatiently(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY")) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  ::execv("/proc/self/exe", argv);
}

// A result that did not arrive (a full disk) is not a success.
int Printed(int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  std::fprintf(stderr, "plumb-lm: standard output cannot be written (is the disk full?)\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace plumb::lm;
  WaitPatiently(argv);
  std::signal(SIGXFSZ, SIG_IGN);  // a file may not grow (ulimit -f): as on a full disk, the write fails and says so
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
  RegisterRewards(app, invocation);
  RegisterExport(app, invocation);
  RegisterTrain(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& shown) {
    return app.exit(shown);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "plumb-lm: %s\nRun 'plumb-lm --help', or 'plumb-lm COMMAND --help'.\n", wrong.what());
    return 2;
  } catch (const std::exception& missed) {  // libtorch reports memory that ran out this way, over many lines
    const std::string_view what = missed.what();
    std::fprintf(stderr, "plumb-lm: %s\n", std::string(what.substr(0, what.find('\n'))).c_str());
    return 2;
  }
  return Printed(invocation.exit_code);
}

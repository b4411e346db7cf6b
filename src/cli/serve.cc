// plumb serve: the gateway and the console, until SIGTERM or Ctrl-C.
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>

#include "base/net/net.h"
#include "cli/config.h"
#include "cli/starter_files.h"
#include "cli/verbs.h"
#include "runtime/gateway/gateway.h"

namespace plumb::cli {
namespace {

namespace asio = boost::asio;

struct ServeFlags {
  std::string listen;
  int grace_s = 20;
};

// What --config says, else guard/ beside the policy, else the shipped one; empty: patterns alone.
fs::path GuardFolder(const Config& config, const fs::path& policy) {
  if (config.guard) return *config.guard;
  std::error_code ignored;
  const fs::path beside = policy.parent_path() / "guard";
  if (fs::exists(beside / "guard.json", ignored)) return beside;
  const fs::path shipped = ShippedFile("policies/guard/guard.json");
  return shipped.empty() ? fs::path() : shipped.parent_path();
}

Result<gateway::GatewayOptions> Options(const ServeFlags& flags, const Globals& globals) {
  PLUMB_TRY(Config config, ConfigOrDefaults(globals.config));
  gateway::GatewayOptions options;
  options.listen = config.listen;
  if (!flags.listen.empty()) {
    PLUMB_TRY(options.listen, net::ParseAddress(flags.listen));
  }
  options.project = config.folder.empty() ? fs::path(".") : config.folder;
  PLUMB_TRY(options.policy, policy::LoadPolicy(globals.policy));
  options.guard = GuardFolder(config, globals.policy);
  options.use_encoder = config.encoder;
  options.models = std::move(config.models);
  options.providers = std::move(config.providers);
  options.keys = std::move(config.keys);
  options.ledger = config.ledger;
  options.lm = config.lm;
  options.metrics = config.metrics;
  options.version = PLUMB_VERSION;
  options.warn = [](const std::string& line) { fmt::print(stderr, "plumb: {}\n", line); };
  return options;
}

asio::awaitable<void> UntilSignal(asio::io_context& io, gateway::Gateway& gateway, int grace_s) {
  asio::signal_set signals(io, SIGINT, SIGTERM);
  co_await signals.async_wait(asio::use_awaitable);
  std::fputs("plumb: stopping; answers in progress may end\n", stderr);
  co_await gateway.Drain(std::chrono::seconds(grace_s));
  io.stop();
}

Status Serve(const ServeFlags& flags, Globals& globals) {
  PLUMB_TRY(gateway::GatewayOptions options, Options(flags, globals));
  std::signal(SIGPIPE, SIG_IGN);
  asio::io_context io(1);
  PLUMB_TRY(auto gateway, gateway::Gateway::Start(io.get_executor(), std::move(options)));
  if (globals.json) {
    const json::value ready = {{"url", gateway->url()}};
    std::puts(ToJson(ready).c_str());
  } else {
    std::puts(gateway->url().c_str());
  }
  std::fflush(stdout);
  asio::co_spawn(io, UntilSignal(io, *gateway, flags.grace_s), asio::detached);
  io.run();
  return {};
}

}  // namespace

void RegisterServe(CLI::App& app, Globals& globals) {
  auto* serve = app.add_subcommand("serve", "The gateway and the console");
  AddGlobals(*serve, globals);
  auto flags = std::make_shared<ServeFlags>();
  serve->add_option("--listen", flags->listen, "Address instead of plumb.yaml's: 127.0.0.1:8080, [::1]:8080, unix:/PATH; port 0 takes any free one");
  serve->add_option("--grace", flags->grace_s, "Seconds that answers in progress get at the end")->capture_default_str();
  serve->callback([flags, &globals] {
    if (auto done = Serve(*flags, globals); !done) Report(done.error(), globals);
  });
}

}  // namespace plumb::cli

// plumb serve: the gateway and the console, until SIGTERM or Ctrl-C.
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>

#include "base/net/net.h"
#include "cli/config.h"
#include "cli/guard_files.h"
#include "cli/verbs.h"
#include "runtime/gateway/gateway.h"

namespace plumb::cli {
namespace {

namespace asio = boost::asio;

struct ServeFlags {
  std::string listen;
  int grace_s = 20;
};

// What a reload reads again.
Result<gateway::ForceOptions> ReadForce(const Config& config, const Globals& globals) {
  gateway::ForceOptions force;
  PLUMB_TRY(force.policy, policy::LoadPolicy(globals.policy));
  force.guard = FindGuard(config, globals.policy);
  force.use_encoder = config.encoder;
  force.check_deadline = config.check_deadline;
  force.judge = config.judge;
  force.models = config.models;
  force.providers = config.providers;
  force.prices = config.prices;
  force.keys = config.keys;
  force.teams = config.teams;
  if (auto hash = Sha256File(globals.config)) force.config_sha256 = *hash;
  // A key that was revoked is a change too, though plumb.yaml itself is the same.
  if (!config.keys_file.empty()) {
    force.config_sha256 = Sha256Hex(force.config_sha256 + Sha256File(config.keys_file.string()).value_or(""));
  }
  return force;
}

Result<gateway::GatewayOptions> Options(const Config& config, const ServeFlags& flags, const Globals& globals) {
  gateway::GatewayOptions options;
  PLUMB_TRY(gateway::ForceOptions force, ReadForce(config, globals));
  static_cast<gateway::ForceOptions&>(options) = std::move(force);
  options.listen = config.listen;
  if (!flags.listen.empty()) {
    PLUMB_TRY(options.listen, net::ParseAddress(flags.listen));
  }
  options.project = config.folder.empty() ? fs::path(".") : config.folder;
  options.ledger = config.ledger;
  options.limits = config.limits;
  options.server = config.server;
  options.cors = config.cors;
  options.reports_per_hour = config.reports_per_hour;
  options.lm = config.lm;
  options.metrics = config.metrics;
  options.telemetry = config.telemetry;
  options.log_level = config.log.level;
  options.version = PLUMB_VERSION;
  return options;
}

// Settings that only a start takes up.
void SayWhatStays(const Config& began, const Config& now, gateway::Log& log) {
  std::vector<std::string> changed;
  if (!(began.listen == now.listen)) changed.emplace_back("listen");
  if (began.ledger != now.ledger) changed.emplace_back("ledger");
  if (began.lm.program != now.lm.program || began.lm.arguments != now.lm.arguments) changed.emplace_back("lm");
  if (began.metrics != now.metrics || began.telemetry != now.telemetry) changed.emplace_back("telemetry");
  if (began.log != now.log) changed.emplace_back("log");
  if (!changed.empty()) log.Write({gateway::LogLevel::kWarn, "changed, and taken up at the next start only: " + Join(changed, ", "), {}});
}

// What runs, for those who make it read its files again.
struct Running {
  asio::io_context& io;
  gateway::Gateway& gateway;
  gateway::Log& log;
  const Config& began;
  const Globals& globals;
};

asio::awaitable<void> ReloadOnce(Running running, std::string by) {
  gateway::ForceLoader load = [running]() -> Result<gateway::ForceOptions> {
    PLUMB_TRY(const Config config, ConfigOrDefaults(running.globals.config));
    SayWhatStays(running.began, config, running.log);
    return ReadForce(config, running.globals);
  };
  Status done = co_await running.gateway.Reload(by, std::move(load));
  if (done) {
    running.log.Write({gateway::LogLevel::kWarn, "reloaded", {{"by", by}}});
  } else {
    json::object fields = {{"by", by}, {"error", done.error().Text()}};
    running.log.Write({gateway::LogLevel::kError, "not reloaded; what was in force stays", std::move(fields)});
  }
}

asio::awaitable<void> OnHangup(Running running) {
  asio::signal_set signals(running.io, SIGHUP);
  for (;;) {
    co_await signals.async_wait(asio::use_awaitable);
    co_await ReloadOnce(running, "SIGHUP");
  }
}

// What would tell two versions of the files apart; a file that is missing counts too.
std::string Signature(const std::vector<fs::path>& files) {
  std::string out;
  for (const fs::path& file : files) {
    struct stat about = {};
    if (stat(file.c_str(), &about) != 0) about = {};
    out += fmt::format("{}.{} {} {}\n", about.st_mtim.tv_sec, about.st_mtim.tv_nsec, about.st_size, about.st_ino);
  }
  return out;
}

// Looks once a second, and waits until the files have been still for one look: they are often written one by one.
asio::awaitable<void> OnChange(Running running, std::vector<fs::path> files) {
  std::string in_force = Signature(files), seen = in_force;
  for (;;) {
    asio::steady_timer timer(running.io, std::chrono::seconds(1));
    co_await timer.async_wait(asio::use_awaitable);
    const std::string now = Signature(files);
    const bool still = now == seen;
    seen = now;
    if (!still || now == in_force) continue;
    in_force = now;
    co_await ReloadOnce(running, "file");
  }
}

std::vector<fs::path> WatchedFiles(const gateway::GatewayOptions& options, const Globals& globals) {
  std::vector<fs::path> files = {globals.config, globals.policy};
  for (const std::string& file : options.policy.example_files) files.push_back(fs::path(globals.policy).parent_path() / file);
  if (!options.guard.empty()) files.push_back(options.guard / "guard.json");
  return files;
}

asio::awaitable<void> UntilSignal(asio::io_context& io, gateway::Gateway& gateway, int grace_s) {
  asio::signal_set signals(io, SIGINT, SIGTERM);
  co_await signals.async_wait(asio::use_awaitable);
  std::fputs("plumb: stopping; answers in progress may end\n", stderr);
  co_await gateway.Drain(std::chrono::seconds(grace_s));
  io.stop();
}

// A connection is a file descriptor: as many as the system lets us have.
void RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Status Serve(const ServeFlags& flags, Globals& globals) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_TRY(gateway::GatewayOptions options, Options(config, flags, globals));
  std::vector<fs::path> files = WatchedFiles(options, globals);
  if (!config.keys_file.empty()) files.push_back(config.keys_file);
  gateway::Log log(config.log, stderr);
  options.warn = [&log](const std::string& line) { log.Write({gateway::LogLevel::kWarn, line, {}}); };
  options.log = [&log](const gateway::LogLine& line) { log.Write(line); };
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on files is a full disk, and the policy says what follows from that
  RaiseFileLimit();
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
  const Running running{io, *gateway, log, config, globals};
  asio::co_spawn(io, OnHangup(running), asio::detached);
  if (config.reload) asio::co_spawn(io, OnChange(running, files), asio::detached);
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

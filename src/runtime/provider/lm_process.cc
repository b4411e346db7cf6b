#include "runtime/provider/lm_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/net/client.h"

namespace plumb::provider {

using Steady = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;
constexpr int64_t kProtocol = 1;

namespace {

// What the program said last, for a person: its final line, without our own prefix.
std::string LastWords(const fs::path& log) {
  auto text = ReadFile(log);
  if (!text) return "";
  std::string_view rest = Trim(*text);
  const size_t newline = rest.rfind('\n');
  if (newline != std::string_view::npos) rest = rest.substr(newline + 1);
  if (rest.starts_with("plumb-lm: ")) rest.remove_prefix(10);
  return ToUtf8(rest.substr(0, 400));
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

// Between fork and exec only async-signal-safe calls.
pid_t Spawn(const std::vector<std::string>& arguments, const fs::path& log) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::string log_name = log.string();
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent was gone before we could ask for its death signal
  ::setpgid(0, 0);  // a Ctrl-C at the terminal is the parent's to answer
  const int out = ::open(log_name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (out >= 0) {
    ::dup2(out, 1);
    ::dup2(out, 2);
  }
  if (in >= 0) ::dup2(in, 0);
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  ::execv(argv[0], argv.data());
  static const char failed[] = "cannot be executed\n";
  [[maybe_unused]] const ssize_t written = ::write(2, failed, sizeof failed - 1);
  ::_exit(127);
}

}  // namespace

std::string_view LmStateName(LmState state) {
  switch (state) {
    case LmState::kOff: return "off";
    case LmState::kStarting: return "starting";
    case LmState::kReady: return "ready";
    case LmState::kDown: return "down";
  }
  return "off";
}

Result<fs::path> FindLm() {
  std::error_code error;
  if (const char* named = std::getenv("PLUMB_LM"); named && *named) {
    if (fs::exists(named, error)) return fs::path(named);
    return FailAt(named, Code::kNotFound, "$PLUMB_LM names no program");
  }
  const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "plumb-lm";
  if (!error && fs::exists(beside, error)) return beside;
  return FailAt(beside.string(), Code::kNotFound,
                "local models need the program plumb-lm, which is not there; build it (cmake --build build/release "
                "--target plumb-lm) or set $PLUMB_LM");
}

struct LmProcess::State : std::enable_shared_from_this<LmProcess::State> {
  State(asio::any_io_executor e, LmOptions o) : executor(std::move(e)), options(std::move(o)) {
    url.address.socket = (folder.path() / "lm.sock").string();
    url.target = "/";
  }

  asio::any_io_executor executor;
  LmOptions options;
  TempFolder folder;  // mode 0700: the socket is ours alone
  net::Url url;
  net::Client client;
  LmState state = LmState::kOff;
  std::string detail;
  Error failure;  // what callers are told while it is down
  json::object handshake;
  pid_t pid = -1;
  int starts = 0;
  int falls = 0;  // in a row, since it last answered
  Steady::time_point retry_at;
  bool closed = false;

  void Set(LmState next, std::string why) {
    state = next;
    detail = std::move(why);
  }
  void Fall(Error error) {
    if (state == LmState::kDown) return;
    ++falls;
    const double factor = std::min(falls - 1, 16);
    const auto pause = std::min<Millis>(options.longest_backoff,
                                        Millis(static_cast<int64_t>(options.first_backoff.count() * std::exp2(factor))));
    retry_at = Steady::now() + pause;
    failure = std::move(error);
    Set(LmState::kDown, failure.message);
  }

  Status Start();
  asio::awaitable<void> Watch(pid_t child);
  asio::awaitable<void> Greet(pid_t child);
};

Status LmProcess::State::Start() {
  fs::path program = options.program;
  if (program.empty()) {
    PLUMB_TRY(program, FindLm());
  }
  std::vector<std::string> arguments = {program.string(), "serve", "--socket", url.address.socket};
  for (const std::string& model : options.models) {
    arguments.push_back("--model");
    arguments.push_back(model);
  }
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  client.CloseIdle();
  std::error_code ignored;
  fs::remove(url.address.socket, ignored);
  const pid_t child = Spawn(arguments, folder.path() / "lm.log");
  if (child < 0) return Fail(Code::kExhausted, "plumb-lm cannot be started: {}", std::strerror(errno));
  pid = child;
  ++starts;
  Set(LmState::kStarting, "loading " + Join(options.models, ", "));
  asio::co_spawn(executor, [self = shared_from_this(), child]() { return self->Watch(child); }, asio::detached);
  asio::co_spawn(executor, [self = shared_from_this(), child]() { return self->Greet(child); }, asio::detached);
  return {};
}

asio::awaitable<void> LmProcess::State::Watch(pid_t child) {
  auto self = shared_from_this();
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  boost::system::error_code error;
  if (handle >= 0) {
    asio::posix::stream_descriptor ended(executor, handle);
    co_await ended.async_wait(asio::posix::stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
  }
  int status = 0;
  while (::waitpid(child, &status, handle >= 0 ? 0 : WNOHANG) == 0) {  // without pidfd: ask now and then
    asio::steady_timer pause(executor, Millis(100));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
  if (pid == child) pid = -1;
  if (closed) co_return;
  const std::string said = LastWords(folder.path() / "lm.log");
  const bool own_words = WIFEXITED(status) && !said.empty();
  Error fallen{own_words ? Code::kNotFound : Code::kUnavailable, "", "plumb-lm"};
  // A program that could not begin says why itself; one that served and fell is a crash.
  if (state == LmState::kReady) fallen.code = Code::kUnavailable;
  fallen.message = own_words ? said : "plumb-lm " + HowItEnded(status);
  Fall(std::move(fallen));
}

asio::awaitable<void> LmProcess::State::Greet(pid_t child) {
  auto self = shared_from_this();
  const auto until = Steady::now() + options.start_limit;
  boost::system::error_code ignored;
  while (pid == child && !closed) {
    net::ClientRequest request;
    request.url = url;
    request.url.target = "/v1/handshake";
    request.timeouts.first_byte = Millis(5000);
    Result<net::ClientResponse> answer = co_await client.Fetch(std::move(request));
    if (pid != child || closed) co_return;
    if (answer && answer->status == 200) {
      auto parsed = ParseJson(answer->body, "handshake");
      const int64_t version = parsed && parsed->is_object() ? GetIntOr(parsed->as_object(), "protocol", -1).value_or(-1) : -1;
      if (version != kProtocol) {
        const std::string message =
            fmt::format("plumb-lm speaks protocol {}, this plumb speaks {}: build both from the same source", version, kProtocol);
        Fall({Code::kUnsupported, message, "plumb-lm"});
        ::kill(child, SIGKILL);
        co_return;
      }
      handshake = std::move(parsed->as_object());
      falls = 0;
      Set(LmState::kReady, "");
      co_return;
    }
    if (Steady::now() > until) {
      const std::string message = "plumb-lm did not answer within " +
                                  HumanDuration(std::chrono::duration<double>(options.start_limit).count());
      Fall({Code::kDeadline, message, "plumb-lm"});
      ::kill(child, SIGKILL);
      co_return;
    }
    asio::steady_timer pause(executor, Millis(25));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

LmProcess::LmProcess(asio::any_io_executor executor, LmOptions options)
    : state_(std::make_shared<State>(std::move(executor), std::move(options))) {}

LmProcess::~LmProcess() {
  state_->closed = true;
  if (state_->pid > 0) {
    ::kill(state_->pid, SIGKILL);
    ::waitpid(state_->pid, nullptr, 0);
  }
}

asio::awaitable<Result<net::Url>> LmProcess::Ready() {
  auto state = state_;
  const auto until = Steady::now() + state->options.patience;
  while (!state->closed) {
    if (state->state == LmState::kReady) co_return state->url;
    if (state->state == LmState::kOff || (state->state == LmState::kDown && Steady::now() >= state->retry_at)) {
      Status started = state->Start();
      if (!started) {
        state->state = LmState::kOff;
        state->Fall(started.error());
        co_return std::unexpected(std::move(started).error());
      }
    }
    if (state->state == LmState::kDown) co_return std::unexpected(state->failure);
    if (Steady::now() > until) co_return FailAt("plumb-lm", Code::kUnavailable, "the model is still loading");
    boost::system::error_code ignored;
    asio::steady_timer pause(state->executor, Millis(10));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return Fail(Code::kCancelled, "plumb-lm is being stopped");
}

LmState LmProcess::state() const { return state_->state; }
const std::string& LmProcess::detail() const { return state_->detail; }
const json::object& LmProcess::handshake() const { return state_->handshake; }
int LmProcess::starts() const { return state_->starts; }
int LmProcess::pid() const { return state_->pid; }

}  // namespace plumb::provider

#include "measure/eval/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "measure/eval/sandbox_child.h"
#include "runtime/provider/child.h"

namespace plumb::eval {
namespace {

// Closes itself; −1 is none.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { Close(); }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Pipe {
  Fd read, write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(Code::kUnavailable, "no pipe: {}", ::strerror(errno));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// A file that is nowhere, with this text, to be read from its beginning.
Result<Fd> TextAsFile(const std::string& text) {
  Fd file(::memfd_create("program", MFD_CLOEXEC));
  if (file.get() < 0) return Fail(Code::kUnavailable, "no file in memory: {}", ::strerror(errno));
  for (size_t at = 0; at < text.size();) {
    const ssize_t wrote = ::write(file.get(), text.data() + at, text.size() - at);
    if (wrote < 0 && errno != EINTR) return Fail(Code::kUnavailable, "writing the program: {}", ::strerror(errno));
    at += wrote > 0 ? static_cast<size_t>(wrote) : 0;
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

// What the program finds of the machine: folders, and links as they are.
struct Shown {
  std::vector<std::string> links;
  std::vector<ShownPath> paths;
};

Shown ShownOf(const std::vector<std::string>& folders) {
  Shown out;
  out.links.reserve(folders.size());  // their texts stay where they are
  for (const std::string& folder : folders) {
    std::error_code failed;
    const bool link = fs::is_symlink(folder, failed);
    if (link) out.links.push_back(fs::read_symlink(folder, failed).string());
    out.paths.push_back({folder.c_str(), link ? out.links.back().c_str() : nullptr});
  }
  return out;
}

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Reads both streams until they end, the time is up, or one holds too much. True: they ended.
bool Collect(const Fd& out, const Fd& err, const SandboxLimits& limits, SandboxRun& run) {
  std::array<pollfd, 2> open = {pollfd{out.get(), POLLIN, 0}, pollfd{err.get(), POLLIN, 0}};
  std::array<std::string*, 2> texts = {&run.out, &run.err};
  const int64_t until = NowMs() + limits.wall_ms;
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    const int64_t left = until - NowMs();
    if (left <= 0) return run.timed_out = true, false;
    if (::poll(open.data(), open.size(), static_cast<int>(std::min<int64_t>(left, 1000))) < 0 && errno != EINTR) return false;
    for (size_t i = 0; i < open.size(); ++i) {
      if (open[i].fd < 0 || !(open[i].revents & (POLLIN | POLLHUP | POLLERR))) continue;
      char buffer[8192];
      const ssize_t got = ::read(open[i].fd, buffer, sizeof buffer);
      if (got <= 0) {
        if (got == 0 || errno != EINTR) open[i].fd = -1;
        continue;
      }
      texts[i]->append(buffer, static_cast<size_t>(got));
      if (texts[i]->size() > limits.output_bytes) return run.overflowed = true, false;
    }
  }
  return true;
}

// The process, stopped where it has not stopped itself.
int Reap(pid_t child, bool ended) {
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// Where an interpreter lies, what it needs, and its version, in its own words.
Result<std::vector<std::string>> AskInterpreter(const std::string& interpreter) {
  constexpr const char* kQuestion =
      "import os, platform, sys; print(os.path.realpath(sys.executable)); print(platform.python_implementation(), platform.python_version());"
      "print(os.path.realpath(sys.base_prefix)); print(os.path.realpath(sys.base_exec_prefix))";
  std::vector<std::string> lines;
  TempFolder folder;
  auto end = provider::RunChild({.arguments = {interpreter, "-I", "-S", "-c", kQuestion}, .input = "/dev/null", .log = folder.path() / "log",
                                 .on_line = [&](std::string_view line) { lines.emplace_back(line); }, .stop = {}});
  if (!end) return std::unexpected(end.error());
  if (end->signalled || end->code != 0 || lines.size() != 4)
    return Fail(Code::kUnsupported, "'{}' is no Python that can be asked: {}", interpreter, provider::LastLineOf(folder.path() / "log"));
  return lines;
}

}  // namespace

Result<SandboxRun> Sandbox::Run(const std::string& program, const SandboxLimits& limits) const {
  PLUMB_TRY(const Fd input, TextAsFile(program));
  PLUMB_TRY(Pipe out, MakePipe());
  PLUMB_TRY(Pipe err, MakePipe());
  PLUMB_TRY(Pipe report, MakePipe());
  const Shown shown = ShownOf(shown_);
  const std::string id_map = fmt::format("1000 {} 1\n", ::geteuid()), gid_map = fmt::format("1000 {} 1\n", ::getegid());
  const std::string tmp = fmt::format("size={},nr_inodes=1000,mode=1777", limits.tmp_bytes);
  std::string name = program_, isolated = "-I", unwritten = "-B", standard = "-", home = "HOME=/tmp", path = "PATH=/usr/bin", language = "LANG=C.UTF-8", hash = "PYTHONHASHSEED=0";
  char* arguments[] = {name.data(), isolated.data(), unwritten.data(), standard.data(), nullptr};
  char* environment[] = {home.data(), path.data(), language.data(), hash.data(), nullptr};
  const SandboxPlan plan{.id_map = id_map.c_str(), .gid_map = gid_map.c_str(), .shown = shown.paths.data(), .shown_count = static_cast<int>(shown.paths.size()),
                         .tmp_options = tmp.c_str(), .input = input.get(), .output = out.write.get(), .error = err.write.get(), .report = report.write.get(),
                         .cpu_seconds = limits.cpu_seconds, .memory_bytes = limits.memory_bytes, .file_bytes = limits.tmp_bytes,
                         .arguments = arguments, .environment = environment};
  const long child = ::syscall(SYS_clone, kSandboxNamespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child == 0) EnterSandbox(plan);
  if (child < 0) return Fail(Code::kUnavailable, "no process with namespaces of its own: {} (are unprivileged user namespaces allowed?)", ::strerror(errno));
  for (Fd* ours : {&out.write, &err.write, &report.write}) ours->Close();
  SandboxRun run;
  const bool ended = Collect(out.read, err.read, limits, run);
  const int status = Reap(static_cast<pid_t>(child), ended);
  int failed[2];
  if (::read(report.read.get(), failed, sizeof failed) == static_cast<ssize_t>(sizeof failed))
    return Fail(Code::kUnavailable, "{}: {}", SandboxStepName(failed[0]), ::strerror(failed[1]));
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  run.timed_out = run.timed_out || (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || (WTERMSIG(status) == SIGKILL && ended)));
  return run;
}

Result<std::shared_ptr<const Sandbox>> Sandbox::Open(const std::string& interpreter) {
  const auto lacking = [](const Error& error) { return Fail(Code::kUnsupported, "no sandbox can be made here: {}", error.Text()); };
  auto asked = AskInterpreter(interpreter);
  if (!asked) return lacking(asked.error());
  auto sandbox = std::make_shared<Sandbox>();
  sandbox->program_ = (*asked)[0];
  sandbox->version_ = (*asked)[1];
  for (const char* folder : {"/usr", "/bin", "/lib", "/lib64"}) {
    std::error_code ignored;
    if (fs::exists(folder, ignored)) sandbox->shown_.emplace_back(folder);
  }
  for (size_t i = 2; i < asked->size(); ++i) {
    const std::string& prefix = (*asked)[i];
    const bool there = std::any_of(sandbox->shown_.begin(), sandbox->shown_.end(), [&](const std::string& one) { return prefix == one || prefix.starts_with(one + "/"); });
    if (!there && prefix != "/") sandbox->shown_.push_back(prefix);
  }
  // A sandbox that lets out is none.
  constexpr const char* kTries =
      "import os, socket\n"
      "held = []\n"
      "for what in (lambda: socket.socket(), lambda: os.fork(), lambda: open('/usr/plumb-was-here', 'w'), lambda: os.listdir('/proc'), lambda: open('/etc/passwd')):\n"
      "    try: what()\n"
      "    except OSError: held.append(1)\n"
      "print(len(held), os.getuid(), os.getpid())\n";
  auto tried = sandbox->Run(kTries);
  if (!tried) return lacking(tried.error());
  if (tried->exit_code != 0 || tried->out != "5 1000 1\n")
    return Fail(Code::kUnsupported, "no sandbox can be made here: a program that tries to leave it came back with '{}' {}", Trim(tried->out), Trim(tried->err));
  return sandbox;
}

}  // namespace plumb::eval

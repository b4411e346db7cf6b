#include "runtime/provider/lm_job.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "runtime/provider/lm_process.h"

namespace plumb::provider {
namespace {

// Reads lines from `fd` until it closes; asks `stop` at least five times a second and, once, signals the child.
void ReadLines(int fd, pid_t child, const LmJobOptions& options, const std::function<void(std::string_view)>& on_line) {
  std::string buffer;
  char chunk[1 << 14];
  bool asked = false;
  for (;;) {
    pollfd waiting{fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, 200);
    if (!asked && options.stop && options.stop()) {
      ::kill(child, SIGTERM);
      asked = true;
    }
    if (ready < 0 && errno != EINTR) return;
    if (ready <= 0) continue;
    const ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    buffer.append(chunk, n);
    size_t begin = 0;
    for (size_t end; (end = buffer.find('\n', begin)) != std::string::npos; begin = end + 1)
      on_line(std::string_view(buffer).substr(begin, end - begin));
    buffer.erase(0, begin);
  }
}

// The last line of a log, for an error message.
std::string LastLine(const fs::path& log) {
  auto text = ReadFile(log);
  if (!text) return {};
  const auto lines = Split(Trim(*text), '\n');
  return lines.empty() ? std::string() : std::string(lines.back());
}

}  // namespace

Result<json::object> RunLmJob(const std::string& job, const json::object& config, const LmJobOptions& options) {
  fs::path program = options.program;
  if (program.empty()) {
    PLUMB_TRY(program, FindLm());
  }
  TempFolder folder;
  const fs::path file = folder.path() / "config.json";
  PLUMB_CHECK(WriteFileAtomic(file, ToPrettyJson(config)));
  const fs::path log = options.log.empty() ? folder.path() / "log" : options.log;
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return Fail(Code::kIo, "cannot make a pipe: {}", std::strerror(errno));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return Fail(Code::kUnavailable, "cannot start plumb-lm: {}", std::strerror(errno));
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(127);
    // Ctrl-C on the terminal reaches us; we decide how the job ends.
    ::setpgid(0, 0);
    ::dup2(out[1], STDOUT_FILENO);
    if (const int err = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644); err >= 0) ::dup2(err, STDERR_FILENO);
    ::execl(program.c_str(), "plumb-lm", "train", job.c_str(), "--config", file.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(out[1]);
  json::object last;
  bool interrupted = false;
  ReadLines(out[0], child, options, [&](std::string_view line) {
    auto event = ParseJson(line, "plumb-lm");
    if (!event || !event->is_object()) return;
    last = event->get_object();
    if (const auto* name = FindString(last, "event"); name && *name == "interrupted") interrupted = true;
    if (options.on_event) options.on_event(last);
  });
  ::close(out[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (interrupted) return Fail(Code::kCancelled, "the {} job was stopped; its checkpoint is kept", job);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return last;
  const std::string said = LastLine(log);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
    return Fail(Code::kInvalid, "the {} job could not run: {}", job, said.empty() ? "no reason given" : said);
  return Fail(Code::kUnavailable, "the {} job died ({} {}): {}", job, WIFSIGNALED(status) ? "signal" : "exit code",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), said);
}

}  // namespace plumb::provider

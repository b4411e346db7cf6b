#include "base/core/secret.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "base/core/files.h"

extern char** environ;

namespace plumb {
namespace {

constexpr size_t kMost = 64 << 10;
constexpr auto kPatience = std::chrono::seconds(10);

std::string WithoutLineEnd(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

// What comes out of `pipe` until it ends or the time is up.
bool Drain(int pipe, std::string& out) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (out.size() < kMost) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{pipe, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
    char some[4096];
    const ssize_t got = ::read(pipe, some, sizeof some);
    if (got <= 0) return true;
    out.append(some, static_cast<size_t>(got));
  }
  return true;
}

Result<std::string> Run(const std::string& command) {
  int pipes[2];
  if (::pipe2(pipes, O_CLOEXEC) != 0) return Fail(Code::kIo, "no pipe could be made");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  // A group of its own, so that what it started can be ended with it.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const char* arguments[] = {"sh", "-c", command.c_str(), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, "/bin/sh", &actions, &attributes, const_cast<char**>(arguments), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipes[1]);
  std::string out;
  const bool ended = failed == 0 && Drain(pipes[0], out);
  ::close(pipes[0]);
  if (failed != 0) return Fail(Code::kIo, "the command for a secret could not be started");
  if (!ended) ::kill(-child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!ended) return Fail(Code::kPermission, "the command for a secret took longer than ten seconds");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Fail(Code::kPermission, "the command for a secret failed with exit status {}", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  }
  return out;
}

Result<std::string> ReadSource(const SecretSource& source, const std::function<std::string(const std::string&)>& environment) {
  if (!source.file.empty()) return ReadFile(source.file);
  if (!source.command.empty()) return Run(source.command);
  if (environment) return environment(source.env);
  const char* set = std::getenv(source.env.c_str());
  return std::string(set ? set : "");
}

}  // namespace

Result<std::string> ReadSecret(const SecretSource& source, const std::function<std::string(const std::string&)>& environment) {
  PLUMB_TRY(std::string text, ReadSource(source, environment));
  text = WithoutLineEnd(std::move(text));
  if (!text.empty()) return text;
  if (!source.env.empty()) return Fail(Code::kPermission, "the environment variable {} is not set", source.env);
  if (!source.file.empty()) return FailAt(source.file, Code::kPermission, "the file for a secret is empty");
  return Fail(Code::kPermission, "the command for a secret printed nothing");
}

}  // namespace plumb

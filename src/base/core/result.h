// The one way to fail: Result<T> wherever the world can be wrong.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace plumb {

enum class Code {
  kInvalid,      // the input is wrong; the message says what would be right
  kNotFound,     // the named thing does not exist
  kCorrupt,      // stored data does not match its own description
  kIo,           // the operating system refused (disk full, permission)
  kUnavailable,  // a peer or a process could not be reached; trying again may help
  kDeadline,     // it took longer than allowed
  kPermission,   // the caller may not do this
  kConflict,     // somebody else got there first (port in use, file exists)
  kExhausted,    // a budget, quota or memory limit is spent
  kUnsupported,  // understood, and not something we do
  kCancelled,    // the caller asked to stop
  kInternal,     // our mistake
};

// The name of `code` in lower case, e.g. "not_found".
const char* CodeName(Code code);

// What went wrong, for a person. `message` is one sentence without a full stop; `where` is file:line:column or a URL,
// empty where there is none. Never carries secrets.
struct Error {
  Code code = Code::kInternal;
  std::string message;
  std::string where;

  // "where: message", or only the message.
  std::string Text() const;
  // The exit code of the command contract: always 2, "could not run". A gate's verdict is not an Error.
  int ExitCode() const { return 2; }
};

template <class T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

// Fail(Code::kInvalid, "top_p is {}, must be in (0, 1]", p)
template <class... Args>
std::unexpected<Error> Fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...), {}});
}

// The same with a place: FailAt("policy.yaml:14:3", Code::kInvalid, …)
template <class... Args>
std::unexpected<Error> FailAt(std::string where, Code code, fmt::format_string<Args...> format,
                              Args&&... args) {
  return std::unexpected(
      Error{code, fmt::format(format, std::forward<Args>(args)...), std::move(where)});
}

// Adds what we were doing: "loading policy acme.yaml: <message>".
Error Context(Error error, std::string_view doing);

}  // namespace plumb

#define PLUMB_CONCAT_(a, b) a##b
#define PLUMB_CONCAT(a, b) PLUMB_CONCAT_(a, b)
// PLUMB_TRY(auto text, ReadFile(path)): declares `text`, or returns the error.
#define PLUMB_TRY(declaration, expression)                                    \
  auto PLUMB_CONCAT(try_, __LINE__) = (expression);                           \
  if (!PLUMB_CONCAT(try_, __LINE__))                                          \
    return std::unexpected(std::move(PLUMB_CONCAT(try_, __LINE__)).error());  \
  declaration = std::move(*PLUMB_CONCAT(try_, __LINE__))
// PLUMB_CHECK(WriteFileAtomic(path, text)): returns the error, if there is one.
#define PLUMB_CHECK(expression)                                               \
  do {                                                                        \
    if (auto plumb_status = (expression); !plumb_status)                      \
      return std::unexpected(std::move(plumb_status).error());                \
  } while (0)
// The same two inside a coroutine (co_return).
#define PLUMB_CO_TRY(declaration, expression)                                    \
  auto PLUMB_CONCAT(try_, __LINE__) = (expression);                              \
  if (!PLUMB_CONCAT(try_, __LINE__))                                             \
    co_return std::unexpected(std::move(PLUMB_CONCAT(try_, __LINE__)).error());  \
  declaration = std::move(*PLUMB_CONCAT(try_, __LINE__))
#define PLUMB_CO_CHECK(expression)                                            \
  do {                                                                        \
    if (auto plumb_status = (expression); !plumb_status)                      \
      co_return std::unexpected(std::move(plumb_status).error());             \
  } while (0)

#include "base/core/result.h"

namespace plumb {

const char* CodeName(Code code) {
  switch (code) {
    case Code::kInvalid: return "invalid";
    case Code::kNotFound: return "not_found";
    case Code::kCorrupt: return "corrupt";
    case Code::kIo: return "io";
    case Code::kUnavailable: return "unavailable";
    case Code::kDeadline: return "deadline";
    case Code::kPermission: return "permission";
    case Code::kConflict: return "conflict";
    case Code::kExhausted: return "exhausted";
    case Code::kUnsupported: return "unsupported";
    case Code::kCancelled: return "cancelled";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

std::string Error::Text() const { return where.empty() ? message : where + ": " + message; }

Error Context(Error error, std::string_view doing) {
  error.message = fmt::format("{}: {}", doing, error.message);
  return error;
}

}  // namespace plumb

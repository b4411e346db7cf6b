// What a failed attempt means: whose fault it is, and whether asking again, or asking another, can help.
#pragma once

#include <string>
#include <string_view>

#include "base/core/json.h"
#include "base/core/result.h"
#include "runtime/provider/provider.h"

namespace plumb::provider {

enum class Meaning {
  kPassing,   // 5xx, a broken connection, garbage: the same request may succeed soon
  kBusy,      // a rate limit: later, or elsewhere
  kSilent,    // it took too long: elsewhere, not again
  kRefused,   // the request is wrong: wrong everywhere
  kBlocked,   // the vendor's policy refuses it: never to be routed around
  kTooLong,   // more than the model's context holds: only where more fits
  kTarget,    // this target cannot: our key, an unknown model, no quota, a field it does not know
  kGone,      // the asker has left, or stopped it
};
std::string_view MeaningName(Meaning meaning);

// `reason` is the vendor's own word, `status` HTTP's (0: no answer came).
Meaning MeaningOf(int status, std::string_view reason, const Error& error);
inline Meaning MeaningOf(const Attempt& attempt, const Error& error) {
  return MeaningOf(attempt.status, attempt.reason, error);
}

// The Error for an answer of status 400 and above, with the vendor's own message; `reason` becomes its own word.
Error VendorError(int status, std::string_view body, const std::string& where, std::string& reason);
// The same for an error object inside a stream or under status 200.
Error StreamedError(const json::object& error, const std::string& where, std::string& reason);

// An answer that is too much is the vendor's fault, and no limit of the caller's.
Error Oversized(Error error);
// An answer cut off or garbled may be asked for once more, as long as nobody has seen any of it.
inline bool Broken(const Error& error) { return error.code == Code::kCorrupt || error.code == Code::kUnavailable; }

}  // namespace plumb::provider

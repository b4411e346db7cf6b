// plumb eval seal and leaks, registered by `eval`; plumb gate open, registered by `gate`.
#pragma once

#include <string>

#include "cli/verbs.h"

namespace plumb::cli {

void AddSeal(CLI::App& eval, Globals& globals);
void AddGateOpen(CLI::App& gate, Globals& globals);

// The 32 bytes in a key file, which has them as hexadecimal digits. Errors: kNotFound, kInvalid.
Result<std::string> ReadSuiteKey(const std::string& file);

}  // namespace plumb::cli

// Secrets come from the environment, a file or a command, never from a configuration file itself.
#pragma once

#include <functional>
#include <string>

#include "base/core/result.h"

namespace plumb {

// Where one stands; at most one of the three is set.
struct SecretSource {
  std::string env;      // the name of an environment variable
  std::string file;     // its text, without the line break at its end
  std::string command;  // what `sh -c` of it prints, likewise

  bool empty() const { return env.empty() && file.empty() && command.empty(); }
};

// `environment`: empty for the process's own. Errors: kPermission (not set, empty, the command failed or took longer
// than ten seconds), kNotFound, kIo; none carries what was read.
Result<std::string> ReadSecret(const SecretSource& source, const std::function<std::string(const std::string&)>& environment);

}  // namespace plumb

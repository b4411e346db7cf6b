// What the verbs of `plumb policy` share.
#pragma once

#include "cli/verbs.h"
#include "intent/policy/policy.h"

namespace plumb::cli {

// An invalid policy is judged bad (1); a missing one could not be run (2).
inline void ReportPolicy(const Error& error, Globals& globals) {
  Report(error, globals);
  if (error.code == Code::kInvalid) globals.exit_code = 1;
}

// The flags shared by the verbs that load a policy: the file as an argument, and where it is used.
struct PolicyFlags {
  std::string file;
  policy::LoadOptions options;

  void Add(CLI::App& command, Globals& globals) {
    AddGlobals(command, globals);
    command.add_option("file", file, "The policy file (default: --policy)");
    command.add_option("--region", options.region, "Apply the overlays of this region");
    command.add_option("--locale", options.locale, "… of this locale");
    command.add_option("--domain", options.domain, "… of this domain");
    command.add_option("--channel", options.channel, "… of this channel");
  }
  std::string Path(const Globals& globals) const { return file.empty() ? globals.policy : file; }
  Result<policy::Policy> Load(const Globals& globals) const { return policy::LoadPolicy(Path(globals), options); }
};

}  // namespace plumb::cli

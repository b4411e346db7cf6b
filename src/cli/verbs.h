// The verbs of `plumb`: one file each, listed in main.cc.
//
// A verb's function adds its subcommand to `app`; the callback parses, calls a room, prints, and leaves the exit code
// of the command contract in `globals.exit_code`: 0 ok, 1 judged bad, 2 could not run.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/core/core.h"

namespace plumb::cli {

struct Globals {
  std::string policy = "policy.yaml";
  std::string config = "plumb.yaml";
  bool json = false;  // machine-readable output on standard output
  int exit_code = 0;
};

// Adds --policy, --config and --json to a subcommand; they may also stand before the verb.
void AddGlobals(CLI::App& command, Globals& globals);

// Prints "plumb: where: message" on standard error (as {"error":{…}} on standard output with --json) and sets exit
// code 2.
void Report(const Error& error, Globals& globals);

}  // namespace plumb::cli

// The subcommands of plumb-lm: one function each, listed in main.cc.
#pragma once

#include <CLI/CLI.hpp>

#include "model/plumb_lm/models.h"

namespace plumb::lm {

// What every subcommand shares.
struct Invocation {
  int exit_code = 0;
  std::string version;
};

void RegisterServe(CLI::App& app, Invocation& invocation);
void RegisterGenerate(CLI::App& app, Invocation& invocation);
void RegisterEmbed(CLI::App& app, Invocation& invocation);
void RegisterLogprobs(CLI::App& app, Invocation& invocation);
void RegisterClassify(CLI::App& app, Invocation& invocation);
void RegisterRewards(CLI::App& app, Invocation& invocation);
void RegisterExport(CLI::App& app, Invocation& invocation);
void RegisterTrain(CLI::App& app, Invocation& invocation);

}  // namespace plumb::lm

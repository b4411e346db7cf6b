#include "cli/guard_files.h"

#include "cli/starter_files.h"
#include "runtime/guard/aligned.h"
#include "runtime/guard/encoder.h"
#include "runtime/guard/record.h"

namespace plumb::cli {

fs::path FindGuard(const Config& config, const fs::path& policy) {
  if (config.guard) return *config.guard;
  std::error_code ignored;
  const fs::path beside = policy.parent_path() / "guard";
  if (fs::exists(beside / "guard.json", ignored)) return beside;
  const fs::path shipped = ShippedFile("policies/guard/guard.json");
  return shipped.empty() ? fs::path() : shipped.parent_path();
}

void GuardFlags::Add(CLI::App& command, Globals& globals) {
  AddGlobals(command, globals);
  command.add_option("--guard", folder, "The guard's folder (default: guard/ beside the policy, else the shipped one)");
  command.add_flag("--without-encoder", without_encoder, "Judge by patterns and the linear tier alone");
}

Result<LoadedGuard> LoadGuard(const Globals& globals, const std::string& folder, bool use_encoder) {
  PLUMB_TRY(const policy::Policy policy, policy::LoadPolicy(globals.policy));
  LoadedGuard loaded;
  guard::GuardOptions options;
  options.require_encoder = use_encoder;
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  loaded.folder = folder.empty() ? FindGuard(config, globals.policy) : fs::path(folder);
  if (loaded.folder.empty()) {
    PLUMB_TRY(guard::Guard patterns, guard::Guard::PatternsOnly(policy, options));
    loaded.guard = std::make_unique<guard::Guard>(std::move(patterns));
    return loaded;
  }
  std::error_code ignored;
  if (use_encoder && fs::exists(loaded.folder / "encoder" / "adapter_config.json", ignored)) {
    PLUMB_TRY(const guard::GuardRecord record, guard::LoadRecord(loaded.folder));
    const guard::EncoderOptions models{.lm = {.program = config.lm.program}, .executor = {}};
    if (record.encoder) {
      PLUMB_TRY(loaded.encoder, guard::OpenEncoder(record.encoder->base, loaded.folder / "encoder", models));
    }
    if (record.aligned) {
      PLUMB_TRY(loaded.aligned, guard::OpenAligned(*record.aligned, loaded.folder / "aligned", models));
    }
  }
  if (use_encoder && !config.judge.target.empty()) {
    PLUMB_TRY(loaded.judge, guard::OpenJudge(config.judge, OpenOptionsOf(config)));
  }
  options.classifier = loaded.encoder.get();
  options.judge = loaded.judge.get();
  options.aligned = loaded.aligned.get();
  PLUMB_TRY(guard::Guard guard, guard::Guard::Load(loaded.folder, policy, options));
  loaded.guard = std::make_unique<guard::Guard>(std::move(guard));
  return loaded;
}

}  // namespace plumb::cli

#include "cli/loop_world.h"

#include <chrono>

#include "cli/interrupt.h"
#include "cli/starter_files.h"
#include "runtime/guard/aligned.h"
#include "runtime/guard/encoder.h"
#include "runtime/provider/lm_job.h"

namespace plumb::cli {

loop::World LoopWorld(const Config& config) {
  loop::World world;
  world.clock = SystemClock();
  world.seconds = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  world.terminal = stderr;
  world.stop = Interrupted;
  world.open_target = [&config](const std::string& name) { return eval::OpenTarget(name, OpenOptionsOf(config)); };
  world.run_job = [program = config.lm.program](const std::string& job, const json::object& settings,
                                                const std::function<void(const json::object&)>& on_event) {
    return provider::RunLmJob(job, settings, {.program = program, .on_event = on_event, .stop = Interrupted});
  };
  world.open_classifier = [program = config.lm.program](const fs::path& encoder) -> Result<std::unique_ptr<guard::Classifier>> {
    PLUMB_TRY(const std::string base, guard::EncoderBase(encoder));
    return guard::OpenEncoder(base, encoder, {.lm = {.program = program}, .executor = {}});
  };
  world.open_aligned = [program = config.lm.program](const guard::AlignedIdentity& aligned, const fs::path& folder) -> Result<std::unique_ptr<guard::Classifier>> {
    return guard::OpenAligned(aligned, folder, {.lm = {.program = program}, .executor = {}});
  };
  world.shipped_guard = ShippedFile("policies/guard");
  return world;
}

}  // namespace plumb::cli

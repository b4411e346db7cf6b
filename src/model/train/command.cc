// The command line's edge: the only place of this room that prints or listens to signals.
#include <csignal>
#include <cstdio>

#include "model/train/divergence.h"
#include "model/train/memory.h"
#include "model/train/train.h"

namespace plumb::train {
namespace {

std::atomic<bool> stop_requested{false};
void OnSignal(int) { stop_requested = true; }

int Complain(const Error& error) {
  std::fprintf(stderr, "plumb-lm train: %s\n", error.Text().c_str());
  return error.ExitCode();
}

}  // namespace

int TrainCommand(const std::string& job_name, const fs::path& config) {
  const auto clock = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  Surroundings world{.emit =
                         [](const json::object& event) {
                           std::fputs((ToJson(event) + "\n").c_str(), stdout);
                           std::fflush(stdout);
                         },
                     .seconds = clock,
                     .stop = &stop_requested,
                     .started = clock(),
                     .wall_seconds = [] {
                       return std::chrono::duration<double>(
                                  std::chrono::system_clock::now().time_since_epoch())
                           .count();
                     },
                     .free_memory = FreeMemory,
                     .peak_memory = PeakMemory};
  auto settings = ReadJson(config);
  if (!settings) return Complain(settings.error());
  if (!settings->is_object())
    return Complain({Code::kInvalid, "a job's configuration is a JSON object", config.string()});
  struct sigaction action{};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  if (job_name == "divergence") {
    auto measured = RunDivergence(settings->get_object(), world);
    return measured ? 0 : Complain(measured.error());
  }
  auto job = JobFromName(job_name);
  if (!job) return Complain(job.error());
  auto result = RunJob(*job, settings->get_object(), world);
  if (!result) return Complain(result.error());
  return 0;
}

}  // namespace plumb::train

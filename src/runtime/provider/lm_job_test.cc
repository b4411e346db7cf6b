#include "runtime/provider/lm_job.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace plumb::provider {
namespace {

// A program that stands in for plumb-lm: what it does is the test's own script.
fs::path Program(const TempFolder& folder, const std::string& script) {
  const fs::path path = folder.path() / "program";
  EXPECT_TRUE(WriteFileAtomic(path, "#!/bin/sh\n" + script));
  ::chmod(path.c_str(), 0755);
  return path;
}

TEST(LmJob, HandsOverEventsAndTheConfiguration) {
  TempFolder folder;
  const auto program = Program(folder, "[ \"$1 $2 $3\" = 'train sft --config' ] || exit 2\necho '{\"event\":\"start\"}'\n"
                                       "grep -q smollm2 \"$4\" && printf '{\"event\":\"done\",\"adapter\":\"a\"}\\n'\n");
  std::vector<std::string> events;
  auto last = RunLmJob("sft", {{"model", "smollm2"}}, {.program = program, .on_event = [&](const json::object& e) { events.push_back(*GetString(e, "event")); }});
  ASSERT_TRUE(last) << last.error().Text();
  EXPECT_EQ(events, (std::vector<std::string>{"start", "done"}));
  EXPECT_EQ(last->at("adapter"), "a");
}

TEST(LmJob, SaysWhyItFailed) {
  TempFolder folder;
  const auto refuses = Program(folder, "echo 'plumb-lm train: unknown key \"lr\"' >&2\nexit 2\n");
  auto refused = RunLmJob("sft", {}, {.program = refuses});
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("unknown key"), std::string::npos);
  const auto dies = Program(folder, "kill -9 $$\n");
  EXPECT_EQ(RunLmJob("sft", {}, {.program = dies}).error().code, Code::kUnavailable);
  EXPECT_FALSE(RunLmJob("sft", {}, {.program = folder.path() / "absent"}));
}

TEST(LmJob, StopsOnRequestAndKeepsTheCheckpoint) {
  TempFolder folder;
  const auto program = Program(folder, "trap 'echo \"{\\\"event\\\":\\\"interrupted\\\"}\"; exit 0' TERM\necho '{\"event\":\"start\"}'\nwhile :; do sleep 0.05; done\n");
  bool started = false;
  auto last = RunLmJob("dpo", {}, {.program = program, .on_event = [&](const json::object&) { started = true; }, .stop = [&] { return started; }});
  EXPECT_EQ(last.error().code, Code::kCancelled);
}

}  // namespace
}  // namespace plumb::provider

// Programs that nobody has read, and the scorers and suites that rest on running them.
#include <gtest/gtest.h>

#include "measure/eval/runner.h"
#include "measure/eval/sandbox.h"
#include "measure/eval/scorer.h"
#include "measure/eval/tries.h"

namespace plumb::eval {
namespace {

// One for all tests: opening it starts an interpreter twice.
Result<std::shared_ptr<const Sandbox>> TheSandbox() {
  static const auto* sandbox = new Result<std::shared_ptr<const Sandbox>>(Sandbox::Open());
  return *sandbox;
}

// A machine without user namespaces has none; one that lets out is a fault of ours.
#define SANDBOX_OR_SKIP(name)                                                                                  \
  const auto made_##name = TheSandbox();                                                                       \
  if (!made_##name) ASSERT_EQ(made_##name.error().Text().find("tries to leave"), std::string::npos) << made_##name.error().Text(); \
  if (!made_##name) GTEST_SKIP() << made_##name.error().Text();                                                \
  const std::shared_ptr<const Sandbox> name = *made_##name

SandboxRun RunIn(const Sandbox& sandbox, const std::string& program, SandboxLimits limits = {}) {
  auto run = sandbox.Run(program, limits);
  EXPECT_TRUE(run) << run.error().Text();
  return run ? *run : SandboxRun{};
}

TEST(Sandbox, RunsAProgram) {
  SANDBOX_OR_SKIP(sandbox);
  const SandboxRun run = RunIn(*sandbox, "import math, sys\nprint(math.comb(10, 3))\nsys.stderr.write('noted')\n");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.out, "120\n");
  EXPECT_EQ(run.err, "noted");
}

TEST(Sandbox, LetsNothingOut) {
  SANDBOX_OR_SKIP(sandbox);
  for (const char* leaving : {"import socket; socket.socket()", "import os; os.fork()", "open('/usr/bin/x', 'w')", "open('/etc/passwd')", "import os; os.listdir('/proc')", "import os; os.listdir('/home')",
                              "import os; os.kill(2, 9)", "import subprocess; subprocess.run(['/bin/true'])", "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
                              "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0", "import os; os.chroot('/tmp')"}) {
    const SandboxRun run = RunIn(*sandbox, leaving);
    EXPECT_EQ(run.exit_code, 1) << leaving << "\n" << run.out;
  }
  EXPECT_EQ(RunIn(*sandbox, "import os; print(sorted(os.environ), os.getuid(), os.getpid())").out, "['HOME', 'LANG', 'PATH', 'PYTHONHASHSEED'] 1000 1\n");
  EXPECT_EQ(RunIn(*sandbox, "open('/tmp/note', 'w').write('here'); print(open('/tmp/note').read())").out, "here\n") << "a /tmp of its own";
  EXPECT_EQ(RunIn(*sandbox, "import os; print(os.listdir('/tmp'))").out, "[]\n") << "and nothing stays in it";
}

TEST(Sandbox, HoldsWhatTakesTooMuch) {
  SANDBOX_OR_SKIP(sandbox);
  const SandboxLimits small{.cpu_seconds = 1, .wall_ms = 1500, .memory_bytes = 128 << 20, .tmp_bytes = 1 << 20, .output_bytes = 1000};
  EXPECT_TRUE(RunIn(*sandbox, "while True: pass", small).timed_out);
  EXPECT_TRUE(RunIn(*sandbox, "import time; time.sleep(60)", {.wall_ms = 300}).timed_out);
  EXPECT_TRUE(RunIn(*sandbox, "print('x' * 5000)", small).overflowed);
  EXPECT_NE(RunIn(*sandbox, "x = bytearray(1 << 30)", small).err.find("MemoryError"), std::string::npos);
  EXPECT_NE(RunIn(*sandbox, "open('/tmp/big', 'wb').write(bytes(4 << 20))", small).err.find("OSError"), std::string::npos);
}

TEST(Sandbox, WithoutAnInterpreterThereIsNone) {
  const auto none = Sandbox::Open("no-such-python");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kUnsupported);
}

data::Case CodeCase(const std::string& fields) {
  return data::ParseCase(ParseJson(R"({"id":"c","prompt":"p","expect":"score","scorer":{"type":"code",)" + fields + "}}", "t")->as_object(), "t").value();
}

Sample ScoreCode(const data::Case& one, const std::string& output, const std::shared_ptr<const Sandbox>& sandbox) {
  const auto scorers = MakeScorers(one, {.harm = {}, .sandbox = sandbox});
  EXPECT_TRUE(scorers) << scorers.error().Text();
  return ScoreAnswer(one, *scorers, {.output = output}, {});
}

TEST(Code, NeverPassesWithoutASandbox) {
  const auto scorers = MakeScorers(CodeCase(R"("tests":"assert True")"), {});
  ASSERT_FALSE(scorers);
  EXPECT_EQ(scorers.error().code, Code::kUnsupported);
}

TEST(Code, PassesOnlyWhatPassesItsTests) {
  SANDBOX_OR_SKIP(sandbox);
  const data::Case one = CodeCase(R"("entry":"twice","tests":"assert twice(4) == 8")");
  EXPECT_TRUE(ScoreCode(one, "Sure:\n\n```python\ndef twice(n):\n    return 2 * n\n```\nIt doubles.", sandbox).passed);
  EXPECT_TRUE(ScoreCode(one, "```\nprint('other')\n```\nand\n```python\ndef twice(n): return n + n\n```", sandbox).passed) << "the block that defines it";
  EXPECT_TRUE(ScoreCode(one, "def twice(n):\n    return n * 2", sandbox).passed) << "without a fence";
  const Sample wrong = ScoreCode(one, "```python\ndef twice(n):\n    return n\n```", sandbox);
  EXPECT_FALSE(wrong.passed);
  EXPECT_EQ(wrong.notes.at("code"), "AssertionError");
  EXPECT_FALSE(ScoreCode(one, "I would rather not.", sandbox).passed);
  EXPECT_FALSE(ScoreCode(one, "", sandbox).passed);
  const Sample early = ScoreCode(one, "```python\nimport os\ndef twice(n):\n    os._exit(0)\n```", sandbox);
  EXPECT_FALSE(early.passed) << "exit code 0 is not what passes";
  EXPECT_EQ(early.notes.at("code"), "ended before its tests did");
  EXPECT_FALSE(ScoreCode(one, "```python\nimport sys\nprint('passed')\nsys.exit(0)\n```", sandbox).passed);
}

TEST(Code, ACompletionGoesOnWhereThePromptEnds) {
  SANDBOX_OR_SKIP(sandbox);
  const data::Case one = CodeCase(R"j("entry":"inc","before":"def inc(n):\n","tests":"def check(f):\n    assert f(1) == 2\ncheck(inc)")j");
  EXPECT_TRUE(ScoreCode(one, "    return n + 1\n", sandbox).passed);
  EXPECT_FALSE(ScoreCode(one, "    return n\n", sandbox).passed);
}

TEST(Code, TheAuthoredTasksHaveSolutions) {
  SANDBOX_OR_SKIP(sandbox);
  const auto suite = data::LoadSuite(fs::path(PLUMB_SOURCE_DIR) / "suites/code");
  ASSERT_TRUE(suite) << suite.error().Text();
  for (const data::Case& one : suite->cases) {
    const std::string solution(one.row.at("solution").as_string());
    EXPECT_TRUE(ScoreCode(one, "```python\n" + solution + "```", sandbox).passed) << one.id;
  }
}

TEST(Tries, EveryCaseIsAskedSoOftenWithSeedsOfItsOwn) {
  data::Suite suite;
  suite.cases.push_back(data::ParseCase({{"id", "a"}, {"prompt", "p"}, {"expect", "comply"}}, "t").value());
  suite.cases[0].group = "g";
  const data::Suite three = Repeated(suite, 3);
  ASSERT_EQ(three.cases.size(), 3u);
  EXPECT_EQ(three.cases[2].id, "a/try-3");
  EXPECT_EQ(three.cases[2].group, "g");
  EXPECT_EQ(SeedOf(three.cases[2]), 2u);
  EXPECT_EQ(SeedOf(suite.cases[0]), 0u);
}

TEST(Tries, PassAtKLeavesOutWhatDidNotRun) {
  std::vector<Sample> samples;
  for (const auto& [of, passes] : {std::pair{"a", 1}, {"b", 4}, {"c", 0}}) {
    for (int i = 0; i < 4; ++i) {
      Sample sample;
      sample.id = fmt::format("{}/try-{}", of, i + 1);
      sample.status = SampleStatus::kOk;
      sample.about["of"] = of;
      sample.passed = i < passes;
      samples.push_back(std::move(sample));
    }
  }
  json::array tries = TriesJson(samples);
  ASSERT_EQ(tries.size(), 2u) << "k = 1 and 2; 5 is more than there were";
  EXPECT_NEAR(tries[0].at("estimate").to_number<double>(), (0.25 + 1 + 0) / 3, 1e-12);
  EXPECT_NEAR(tries[1].at("estimate").to_number<double>(), (0.5 + 1 + 0) / 3, 1e-12);
  samples[1].status = SampleStatus::kError;
  EXPECT_EQ(TriesJson(samples)[0].at("cases").to_number<int>(), 2);
}

}  // namespace
}  // namespace plumb::eval

// Code by execution: the answer's program with the case's tests after it, in a sandbox.
#include <re2/re2.h>

#include <algorithm>

#include "measure/eval/sandbox.h"
#include "measure/eval/scorer_parts.h"

namespace plumb::eval {
namespace {

// The blocks between ``` lines of a text.
std::vector<std::string> FencedBlocks(std::string_view text) {
  std::vector<std::string> out;
  for (size_t open = text.find("```"); open != std::string_view::npos; open = text.find("```", open)) {
    const size_t line = text.find('\n', open);
    if (line == std::string_view::npos) break;
    const size_t close = std::min(text.find("\n```", line), text.size());
    out.emplace_back(text.substr(line + 1, close > line ? close - line : 0));
    open = close < text.size() ? close + 4 : text.size();
  }
  return out;
}

bool Defines(const std::string& code, const std::string& entry) {
  return entry.empty() || RE2::PartialMatch(code, "(?m)^(?:async )?(?:def|class) " + RE2::QuoteMeta(entry) + "\\b");
}

// What of an answer is the program: the fenced block that defines the entry, else the first one, else all of it.
std::string ProgramIn(const std::string& output, const std::string& entry) {
  const std::vector<std::string> blocks = FencedBlocks(output);
  const auto defining = std::find_if(blocks.begin(), blocks.end(), [&](const std::string& block) { return Defines(block, entry); });
  return defining != blocks.end() ? *defining : !blocks.empty() ? blocks.front() : output;
}

// The last line that a traceback ends with.
std::string LastLine(std::string_view text) {
  text = Trim(text);
  const size_t line = text.rfind('\n');
  return std::string(line == std::string_view::npos ? text : text.substr(line + 1)).substr(0, 200);
}

}  // namespace

MadeScorer MakeCode(const ScorerSpec& in) {
  if (!in.tools.sandbox) return Fail(Code::kUnsupported, "'code' runs what a model wrote, and there is no sandbox to run it in");
  PLUMB_TRY(const std::string tests, GetString(in.spec, "tests"));
  PLUMB_TRY(const std::string before, GetStringOr(in.spec, "before", ""));
  PLUMB_TRY(const std::string entry, GetStringOr(in.spec, "entry", ""));
  PLUMB_TRY(const int64_t seconds, GetIntOr(in.spec, "seconds", 5));
  PLUMB_TRY(const int64_t memory, GetIntOr(in.spec, "memory_mb", 512));
  if (Trim(tests).empty()) return Fail(Code::kInvalid, "'tests' is empty, so that every answer would pass");
  if (seconds < 1 || seconds > 120 || memory < 64 || memory > 8192) return Fail(Code::kInvalid, "'seconds' must be from 1 to 120, 'memory_mb' from 64 to 8192");
  const SandboxLimits limits{.cpu_seconds = static_cast<int>(seconds), .wall_ms = seconds * 2000, .memory_bytes = memory << 20};
  return MakeScorer("code", [sandbox = in.tools.sandbox, tests, before, entry, limits](const Scored& sample) {
    const std::string code = ProgramIn(sample.output, entry);
    if (Trim(code).empty()) return PassOrFail(false, "no program");
    // A program that ends early, whatever its exit code, has not passed its tests: only what comes after them prints the mark.
    const std::string mark = Sha256Hex(code + "\n" + tests).substr(0, 24);
    // An answer that does not define the entry goes on where `before` ends, as a completion does.
    const std::string program = before + (Defines(code, entry) ? "\n" : "") + code + "\n\n" + tests + fmt::format("\nprint('\\n{}')\n", mark);
    const auto run = sandbox->Run(program, limits);
    if (!run) return Score{.error = run.error().Text()};
    if (run->timed_out) return PassOrFail(false, fmt::format("not done within {} s", limits.cpu_seconds));
    if (run->overflowed) return PassOrFail(false, "too much output");
    const bool passed = run->exit_code == 0 && std::string_view(run->out).ends_with("\n" + mark + "\n");
    return PassOrFail(passed, passed ? "" : run->exit_code == 0 ? "ended before its tests did" : LastLine(run->err));
  });
}

bool WantsSandbox(const data::Case& one) {
  return std::any_of(one.scorers.begin(), one.scorers.end(), [](const json::value& spec) { return spec.as_object().at("type") == "code"; });
}

}  // namespace plumb::eval

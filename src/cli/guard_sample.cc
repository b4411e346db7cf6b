// plumb guard sample: a sheet of past traffic for people to label, with the probability each row was drawn with
#include <cstdio>

#include "cli/config.h"
#include "cli/guard_calibrate.h"
#include "evidence/ledger/ledger.h"
#include "runtime/guard/guard.h"
#include "runtime/replay/replay_source.h"

namespace plumb::cli {
namespace {

using guard::Direction;

struct SampleFlags {
  std::string in, format = "plumb", since, until, out, direction = "input";
  double rate = 0.02, acted_rate = 1;
  uint64_t seed = 1;
};

// Whether the exchange is drawn: by its id and the seed, so that the same command draws the same sheet.
bool Drawn(const std::string& id, uint64_t seed, double probability) {
  const uint64_t bits = std::stoull(Sha256Hex(fmt::format("{}\n{}", seed, id)).substr(0, 13), nullptr, 16);
  return static_cast<double>(bits) < probability * static_cast<double>(uint64_t{1} << 52);
}

// Its text in the direction asked for; nothing where it was not kept.
std::optional<guard::Subject> TextOf(const data::Traffic& exchange, Direction direction) {
  if (direction == Direction::kOutput) {
    if (!exchange.no_response.empty() || exchange.response.empty()) return std::nullopt;
    const auto asked = guard::SubjectOf(exchange.messages, Direction::kInput);
    return guard::Subject{exchange.response, asked ? asked->text : ""};
  }
  const auto subject = guard::SubjectOf(exchange.messages, direction);
  if (!exchange.no_request.empty() || !subject || subject->text.empty()) return std::nullopt;
  return *subject;
}

Status Sample(const SampleFlags& flags, Globals& globals) {
  PLUMB_TRY(const Direction direction, guard::ParseDirection(flags.direction));
  if (direction != Direction::kInput && direction != Direction::kOutput) return Fail(Code::kInvalid, "exchanges have an input and an output, no {}", flags.direction);
  std::unique_ptr<ledger::Ledger> ledger;
  std::unique_ptr<replay::ReplaySource> source;
  const replay::ReplayRange range{flags.since, flags.until};
  if (flags.in.empty()) {
    PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
    PLUMB_TRY(ledger, ledger::Ledger::Open(config.ledger, {.read_only = true}));
    source = replay::LedgerSource(*ledger, range);
  } else {
    PLUMB_TRY(const data::TrafficFormat format, data::ParseTrafficFormat(flags.format));
    PLUMB_TRY(data::TrafficReader reader, data::TrafficReader::Open(flags.in, format));
    source = replay::LogSource(std::move(reader), range);
  }
  std::vector<json::object> sheet;
  size_t seen = 0, without = 0;
  for (;;) {
    PLUMB_TRY(const std::optional<data::Traffic> exchange, source->Next());
    if (!exchange) break;
    ++seen;
    const auto verdict = exchange->verdicts.find(flags.direction);
    const bool acted = verdict != exchange->verdicts.end() && verdict->second.action != "allow";
    const double probability = acted ? flags.acted_rate : flags.rate;
    if (!Drawn(exchange->id, flags.seed, probability)) continue;
    const auto subject = TextOf(*exchange, direction);
    if (!subject) {
      ++without;
      continue;
    }
    json::object row = {{"id", exchange->id}, {"direction", flags.direction}, {"text", subject->text}};
    if (!subject->prompt.empty()) row["prompt"] = subject->prompt;
    row["probability"] = probability;
    row["least_probability"] = std::min(flags.rate, flags.acted_rate);
    row["label"] = "";
    sheet.push_back(std::move(row));
  }
  if (sheet.empty()) return Fail(Code::kInvalid, "none of {} exchanges was drawn with its text; a higher --rate draws more", seen);
  PLUMB_CHECK(WriteJsonl(flags.out, sheet));
  if (globals.json) {
    std::puts(ToJson(json::object{{"exchanges", seen}, {"rows", sheet.size()}, {"without_text", without}}).c_str());
    return {};
  }
  fmt::print("{}: {} of {} exchanges; write a category of the policy or \"ordinary\" into every \"label\", then run 'plumb guard calibrate --reviewed {}'\n", flags.out, sheet.size(),
             seen, flags.out);
  if (without > 0) fmt::print(stderr, "plumb: of {} that were drawn the text was not kept: the sheet says nothing of such traffic\n", without);
  return {};
}

}  // namespace

void AddGuardSample(CLI::App& guard_verb, Globals& globals) {
  auto* sample = guard_verb.add_subcommand("sample", "Draw past traffic for people to label, with known probabilities");
  auto flags = std::make_shared<SampleFlags>();
  AddGlobals(*sample, globals);
  sample->add_option("--in", flags->in, "A log to draw from (default: the ledger)");
  sample->add_option("--format", flags->format, "Of --in: plumb, openai, litellm or langfuse")->capture_default_str();
  sample->add_option("--since", flags->since, "RFC 3339, inclusive");
  sample->add_option("--until", flags->until, "RFC 3339, exclusive");
  sample->add_option("--direction", flags->direction, "input or output")->capture_default_str();
  sample->add_option("--rate", flags->rate, "The probability of an exchange that passed")->capture_default_str()->check(CLI::Range(1e-6, 1.0));
  sample->add_option("--acted-rate", flags->acted_rate, "The probability of one on which the guard acted")->capture_default_str()->check(CLI::Range(1e-6, 1.0));
  sample->add_option("--seed", flags->seed, "Draws another sample")->capture_default_str();
  sample->add_option("--out", flags->out, "The sheet (JSONL)")->required();
  sample->callback([flags, &globals] {
    if (const Status done = Sample(*flags, globals); !done) Report(done.error(), globals);
  });
}

}  // namespace plumb::cli

// plumb replay: past traffic under a new policy or guard.
#include <cstdio>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "cli/interrupt.h"
#include "cli/progress_line.h"
#include "cli/verbs.h"
#include "runtime/replay/replay_report.h"
#include "runtime/replay/replay_run.h"

namespace plumb::cli {
namespace {

struct ReplayFlags : GuardFlags {
  std::string since, until, in, format, baseline, baseline_guard, out;
  double fail_on_change = -1;
  size_t examples = 10;
  bool lenient = false;
};

// "7d" is that long ago; anything else a time.
Result<std::string> Moment(const std::string& text, Time now) {
  if (text.empty()) return std::string();
  if (auto ago = ParseDuration(text)) return FormatTime(now - *ago);
  auto time = ParseTime(text);
  if (!time) return Fail(Code::kInvalid, "'{}' is neither a time such as 2026-11-21T09:30:00Z nor a duration such as 7d", text);
  return FormatTime(*time);
}

Result<std::string> GuardId(const LoadedGuard& loaded) {
  if (loaded.folder.empty()) return std::string("patterns");
  return Sha256File((loaded.folder / "guard.json").string());
}

// The guard under each choice of the policy's overlays; they share the encoder.
using Overlaid = std::map<std::string, std::unique_ptr<guard::Guard>>;
Result<Overlaid> LoadOverlaidGuards(const LoadedGuard& loaded, const std::string& policy_file, bool use_encoder) {
  Overlaid out;
  if (loaded.guard->policy().overlays.empty()) return out;
  PLUMB_TRY(const auto policies, policy::LoadOverlaid(policy_file));
  guard::GuardOptions options;
  options.classifier = loaded.encoder.get();
  options.aligned = loaded.aligned.get();
  options.require_encoder = use_encoder;
  for (const auto& [key, policy] : policies) {
    if (key.empty()) continue;
    PLUMB_TRY(guard::Guard guard, loaded.folder.empty() ? guard::Guard::PatternsOnly(policy, options) : guard::Guard::Load(loaded.folder, policy, options));
    out[key] = std::make_unique<guard::Guard>(std::move(guard));
  }
  return out;
}

replay::OverlaidGuards Pointers(const Overlaid& guards) {
  replay::OverlaidGuards out;
  for (const auto& [key, guard] : guards) out[key] = guard.get();
  return out;
}

json::object SideOf(const LoadedGuard& loaded, const std::string& guard_id) {
  const policy::Policy& policy = loaded.guard->policy();
  return {{"policy", {{"id", policy.id}, {"version", policy.version}, {"hash", policy.hash}}},
          {"guard", {{"folder", loaded.folder.string()}, {"sha256", guard_id}}}};
}

// The ledger, or --in.
struct Opened {
  std::unique_ptr<ledger::Ledger> ledger;
  std::unique_ptr<replay::ReplaySource> source;
  std::string name, format;
};

Result<Opened> OpenSource(const ReplayFlags& flags, const replay::ReplayRange& range, const Globals& globals) {
  Opened opened;
  if (!flags.in.empty()) {
    if (flags.format.empty()) return Fail(Code::kInvalid, "--in needs --format: plumb, openai, litellm or langfuse");
    PLUMB_TRY(const data::TrafficFormat format, data::ParseTrafficFormat(flags.format));
    PLUMB_TRY(data::TrafficReader reader, data::TrafficReader::Open(flags.in, format));
    opened.source = replay::LogSource(std::move(reader), range);
    opened.name = flags.in;
    opened.format = flags.format;
    return opened;
  }
  if (!flags.format.empty()) return Fail(Code::kInvalid, "--format says how --in is to be read; without --in the ledger is replayed");
  if (range.since.empty()) return Fail(Code::kInvalid, "say from when the ledger is to be replayed: --since 7d, or --since 2026-11-01");
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_TRY(opened.ledger, ledger::Ledger::Open(config.ledger, {.read_only = true}));
  opened.source = replay::LedgerSource(*opened.ledger, range);
  opened.name = config.ledger.string();
  opened.format = "ledger";
  return opened;
}

eval::Progress Shown(const replay::ReplayProgress& progress) {
  // How many there are in all is not known before the end: estimated from how much is read.
  const double share = std::max(progress.share, 1e-9);
  const auto total = std::max(progress.done, static_cast<size_t>(static_cast<double>(progress.done) / share));
  return {.done = progress.done, .total = total, .errors = progress.missing, .resumed = progress.resumed};
}

Status Run(const ReplayFlags& flags, Globals& globals) {
  const Time now = SystemClock()();
  replay::ReplayRange range;
  PLUMB_TRY(range.since, Moment(flags.since, now));
  PLUMB_TRY(range.until, Moment(flags.until, now));
  PLUMB_TRY(const Opened opened, OpenSource(flags, range, globals));
  PLUMB_TRY(const LoadedGuard after, flags.Load(globals));
  PLUMB_TRY(const std::string after_id, GuardId(after));
  for (const std::string& warning : after.guard->Warnings()) fmt::print(stderr, "plumb: {}\n", warning);
  json::value baseline(opened.format == "ledger" || opened.format == "plumb" ? "recorded" : "delivered");
  PLUMB_TRY(const Overlaid after_overlaid, LoadOverlaidGuards(after, globals.policy, !flags.without_encoder));
  LoadedGuard before;
  Overlaid before_overlaid;
  if (!flags.baseline.empty() || !flags.baseline_guard.empty()) {
    Globals old = globals;
    if (!flags.baseline.empty()) old.policy = flags.baseline;
    PLUMB_TRY(before, LoadGuard(old, flags.baseline_guard, !flags.without_encoder));
    PLUMB_TRY(const std::string before_id, GuardId(before));
    baseline = SideOf(before, before_id);
    PLUMB_TRY(before_overlaid, LoadOverlaidGuards(before, old.policy, !flags.without_encoder));
  }
  json::object about = SideOf(after, after_id);
  about["baseline"] = baseline;
  about["encoder"] = !flags.without_encoder;
  about["source"] = opened.name;
  about["format"] = opened.format;
  about["since"] = range.since.empty() ? json::value() : json::value(range.since);
  about["until"] = range.until.empty() ? json::value() : json::value(range.until);
  // A range that moves with the clock is the same replay when it is taken up again.
  json::object identity = about;
  identity["since"] = flags.since;
  identity["until"] = flags.until;

  replay::ReplayOptions options;
  options.guards = {after.guard.get(), before.guard.get(), Pointers(after_overlaid), Pointers(before_overlaid)};
  options.out = flags.out;
  options.identity = Sha256Hex(ToJson(identity));
  options.lenient = flags.lenient;
  options.stop = Interrupted;
  ProgressLine line("exchanges", "not judged");
  options.on_progress = [&line](const replay::ReplayProgress& progress) { line.Show(Shown(progress)); };
  CatchInterrupts();
  PLUMB_TRY(const replay::Replayed replayed, replay::RunReplay(*opened.source, options));

  const replay::ReplayReport report = replay::SummariseReplay(replayed.rows, flags.examples);
  about["complete"] = replayed.complete;
  const auto whole = [&](bool with_texts) {
    json::object out = {{"replay", about}};
    for (auto& [key, value] : replay::ReportJson(report, with_texts)) out[key] = std::move(value);
    out.at("exchanges").as_object()["skipped"] = json::value_from(replayed.skipped);
    out.at("exchanges").as_object()["unreadable"] = replayed.unreadable_count;
    return out;
  };
  if (!flags.out.empty()) PLUMB_CHECK(WriteFileAtomic(fs::path(flags.out) / "replay.json", ToPrettyJson(whole(false))));
  if (globals.json) {
    std::puts(ToJson(whole(true)).c_str());
  } else {
    std::fputs(replay::ReportText(report).c_str(), stdout);
    for (const auto& [what, n] : replayed.skipped) fmt::print("{} rows skipped: {}\n", n, what);
    if (!flags.out.empty()) fmt::print("\n{}\n", (fs::path(flags.out) / "replay.json").string());
  }
  for (const Error& error : replayed.unreadable) fmt::print(stderr, "plumb: {}\n", error.Text());
  if (!replayed.complete) {
    return Fail(Code::kCancelled, "stopped after {} exchanges{}", report.seen, flags.out.empty() ? "" : "; run it again with the same --out to go on");
  }
  if (report.seen == 0) return Fail(Code::kNotFound, "there is no exchange to replay in {}", opened.name);
  if (report.by_status.contains("not_judged")) {
    return Fail(Code::kUnavailable, "{} exchanges could not be judged: a detector the guard requires did not run", report.by_status.at("not_judged"));
  }
  if (report.by_status.contains("not_replayed") && report.by_status.at("not_replayed") == report.seen) {
    return Fail(Code::kInvalid, "nothing could be replayed: none of {} exchanges has its text", report.seen);
  }
  if (flags.fail_on_change >= 0 && report.changed.k > 0 && report.changed.interval.estimate > flags.fail_on_change) globals.exit_code = 1;
  return {};
}

}  // namespace

void RegisterReplay(CLI::App& app, Globals& globals) {
  auto* verb = app.add_subcommand("replay", "What a policy or guard would have done to past traffic");
  auto flags = std::make_shared<ReplayFlags>();
  flags->Add(*verb, globals);
  verb->add_option("--since", flags->since, "From here on: a time, or how long ago (7d)");
  verb->add_option("--until", flags->until, "Before this: a time, or how long ago");
  verb->add_option("--in", flags->in, "A log instead of the ledger; '-' is standard input");
  verb->add_option("--format", flags->format, "How to read --in: plumb, openai, litellm or langfuse");
  verb->add_option("--baseline", flags->baseline, "Compare with this policy, judged now, instead of with what was recorded");
  verb->add_option("--baseline-guard", flags->baseline_guard, "The guard's folder for the comparison");
  verb->add_option("--out", flags->out, "Folder for replay.jsonl and replay.json; a replay that was stopped goes on there");
  verb->add_option("--fail-on-change", flags->fail_on_change, "Exit 1 where more than this share (0 to 1) changed")->check(CLI::Range(0.0, 1.0));
  verb->add_option("--examples", flags->examples, "How many exchanges of each change are shown")->capture_default_str();
  verb->add_flag("--lenient", flags->lenient, "Count rows that cannot be read instead of stopping at the first");
  verb->callback([flags, &globals] {
    if (const Status done = Run(*flags, globals); !done) Report(done.error(), globals);
  });
}

}  // namespace plumb::cli

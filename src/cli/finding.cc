// plumb finding list|show|set|import|immunity: what people and the red team found, from receipt to reward and immunity.
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/config.h"
#include "cli/verbs.h"
#include "evidence/finding/finding_rows.h"
#include "evidence/finding/immunity.h"

namespace plumb::cli {
namespace {

struct FindingFlags {
  std::string id, state, reward, note, by, file, from, source = "bug-bounty";
  std::vector<std::string> map;
};

Result<std::unique_ptr<ledger::Ledger>> OpenFindings(const Globals& globals, bool read_only) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  return ledger::Ledger::Open(config.ledger, {.read_only = read_only});
}

// The first line of what was reported, for a list.
std::string Headline(const finding::Finding& one) {
  if (one.erased) return "(erased)";
  const std::string& what = one.report.what;
  return ToUtf8(what.substr(0, what.find('\n')).substr(0, 100));
}

void PrintFinding(const finding::Finding& one, const Globals& globals, bool whole) {
  if (globals.json) {
    std::puts(ToJson(finding::FindingJson(one, true)).c_str());
    return;
  }
  fmt::print("{}  {:9}  {:8}  {}  {}\n", one.id, finding::StateName(one.state), finding::RewardName(one.reward), one.time.substr(0, 19), whole ? "" : Headline(one));
  if (!whole) return;
  const std::pair<const char*, const std::string*> parts[] = {{"what happened", &one.report.what}, {"asked", &one.report.prompt}, {"answered", &one.report.response},
                                                              {"contact", &one.report.contact}, {"clause", &one.report.clause}, {"severity", &one.report.severity},
                                                              {"duplicate of", &one.duplicate_of}, {"decided by", &one.by}, {"note", &one.note}};
  for (const auto& [name, text] : parts) {
    if (!text->empty()) fmt::print("\n{}:\n{}\n", name, *text);
  }
  if (one.erased) fmt::print("\nWhat was reported is erased.\n");
}

Status ListFindings(const FindingFlags& flags, Globals& globals) {
  PLUMB_TRY(const auto ledger, OpenFindings(globals, true));
  std::optional<finding::State> state;
  if (!flags.state.empty()) {
    PLUMB_TRY(state, finding::ParseState(flags.state));
  }
  PLUMB_TRY(const auto findings, finding::List(*ledger, state));
  for (const finding::Finding& one : findings) PrintFinding(one, globals, false);
  if (findings.empty() && !globals.json) fmt::print("no findings{}\n", state ? " in this state" : "");
  return {};
}

Status ShowFinding(const FindingFlags& flags, Globals& globals) {
  PLUMB_TRY(const auto ledger, OpenFindings(globals, true));
  PLUMB_TRY(const finding::Finding one, finding::Find(*ledger, flags.id));
  PrintFinding(one, globals, true);
  return {};
}

Status SetFinding(const FindingFlags& flags, Globals& globals) {
  finding::Change change{.note = flags.note, .by = flags.by};
  if (!flags.state.empty()) {
    PLUMB_TRY(change.state, finding::ParseState(flags.state));
  }
  if (!flags.reward.empty()) {
    PLUMB_TRY(change.reward, finding::ParseReward(flags.reward));
  }
  if (change.by.empty()) {
    const passwd* user = getpwuid(getuid());
    change.by = user ? fmt::format("local:{}", user->pw_name) : fmt::format("local:{}", getuid());
  }
  PLUMB_TRY(const auto ledger, OpenFindings(globals, false));
  PLUMB_TRY(const finding::Finding one, finding::Decide(*ledger, flags.id, change, SystemClock()()));
  PrintFinding(one, globals, false);
  return {};
}

Status ImportFindings(const FindingFlags& flags, Globals& globals) {
  std::map<std::string, std::string> columns;
  for (const std::string& pair : flags.map) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) return Fail(Code::kInvalid, "--map '{}' must be FIELD=COLUMN", pair);
    columns[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  PLUMB_TRY(const std::string bytes, ReadFile(flags.file));
  PLUMB_TRY(const auto reports, finding::ParseReports(bytes, flags.file, flags.source, columns));
  PLUMB_TRY(const auto ledger, OpenFindings(globals, false));
  int64_t taken = 0, duplicates = 0, known = 0;
  for (const finding::Report& report : reports) {
    const auto made = finding::Submit(*ledger, report, SystemClock()(), {});
    // The same export again brings only what is new.
    if (!made && made.error().code == Code::kConflict && !report.external.empty()) {
      ++known;
      continue;
    }
    if (!made) return std::unexpected(made.error());
    ++taken;
    duplicates += !made->duplicate_of.empty();
  }
  if (globals.json) std::puts(ToJson(json::object{{"reports", reports.size()}, {"taken", taken}, {"duplicates", duplicates}, {"known", known}}).c_str());
  else fmt::print("{} reports: {} taken in, {} of them duplicates; {} were known already\n", reports.size(), taken, duplicates, known);
  return {};
}

Status ShowImmunity(const FindingFlags& flags, Globals& globals) {
  PLUMB_TRY(const auto ledger, OpenFindings(globals, true));
  PLUMB_TRY(auto findings, finding::List(*ledger));
  if (!flags.from.empty()) std::erase_if(findings, [&](const finding::Finding& one) { return one.report.source != flags.from; });
  const finding::Immunity immunity = finding::ImmunityOf(findings, SystemClock()());
  if (globals.json) {
    std::puts(ToJson(finding::ImmunityJson(immunity)).c_str());
    return {};
  }
  fmt::print("{} verified, {} open, the oldest for {:.1f} hours\n", immunity.verified, immunity.open, immunity.oldest_open_hours);
  if (immunity.median_hours) fmt::print("from find to immunity: {:.2f} hours in the median (Kaplan-Meier: what is open counts for as long as it has been)\n", *immunity.median_hours);
  else fmt::print("from find to immunity: fewer than half are verified, so there is no median yet\n");
  return {};
}

}  // namespace

void RegisterFinding(CLI::App& app, Globals& globals) {
  auto flags = std::make_shared<FindingFlags>();
  CLI::App* verb = app.add_subcommand("finding", "What was found: by people over /report, in bug bounties, by the red team");
  verb->require_subcommand(1);
  const auto add = [&](const char* name, const char* about, Status (*call)(const FindingFlags&, Globals&)) {
    CLI::App* command = verb->add_subcommand(name, about);
    AddGlobals(*command, globals);
    command->callback([flags, call, &globals] {
      if (Status status = call(*flags, globals); !status) Report(status.error(), globals);
    });
    return command;
  };
  CLI::App* list = add("list", "Newest first", ListFindings);
  list->add_option("--state", flags->state, "Only those: received, triaged, confirmed, fixed, verified, rejected, duplicate");
  CLI::App* show = add("show", "One with all that was reported", ShowFinding);
  show->add_option("ID", flags->id, "fnd_…")->required();
  CLI::App* immunity = add("immunity", "How long it takes from a find to the proof that it no longer works", ShowImmunity);
  immunity->add_option("--source", flags->from, "Only those from there: redteam, report, bug-bounty, …");
  CLI::App* set = add("set", "Decide: the state, the reward, and why", SetFinding);
  set->add_option("ID", flags->id, "fnd_…")->required();
  set->add_option("--state", flags->state, "received, triaged, confirmed, fixed, verified, rejected, duplicate");
  set->add_option("--reward", flags->reward, "none, pending, granted, paid, declined");
  set->add_option("--note", flags->note, "Why, for the record");
  set->add_option("--by", flags->by, "Who decides (default: this machine's user)");
  CLI::App* import = add("import", "Take in a bug bounty's export, CSV or JSONL; what is known already is left out", ImportFindings);
  import->add_option("FILE", flags->file, "The export")->required();
  import->add_option("--source", flags->source, "Where it is from")->capture_default_str();
  import->add_option("--map", flags->map, "FIELD=COLUMN, where a column is not named as its field: what, prompt, response, contact, clause, severity, external, state, reward");
}

}  // namespace plumb::cli

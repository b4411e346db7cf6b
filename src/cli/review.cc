// plumb review: what waits for a person, and what the person says of it. Works on the ledger itself: whoever may write it
// may decide, and is recorded as this machine's user. Over the network: /api/held (docs/console-api.md).
#include <pwd.h>
#include <unistd.h>

#include <cstdio>

#include "cli/config.h"
#include "cli/verbs.h"
#include "runtime/gateway/hold.h"

namespace plumb::cli {
namespace {

using gateway::Decision;
using gateway::Hold;

struct ReviewFlags {
  std::string id, text, note;
  bool all = false;
};

Result<std::unique_ptr<ledger::Ledger>> OpenHolds(const Globals& globals, bool read_only) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  return ledger::Ledger::Open(config.ledger, {.read_only = read_only});
}

std::string ThisUser() {
  const passwd* user = getpwuid(getuid());
  return user ? fmt::format("local:{}", user->pw_name) : fmt::format("local:{}", getuid());
}

std::string LastUserText(const Hold& hold) {
  std::string last;
  for (const json::value& message : hold.messages) {
    const json::object* object = message.if_object();
    const json::string* role = object ? FindString(*object, "role") : nullptr;
    if (role && *role == "user" && object->contains("content")) last = provider::ContentText(object->at("content"));
  }
  return last;
}

void PrintHold(const Hold& hold, bool whole) {
  fmt::print("{}  {:8}  {}  {}  since {}  {} {}\n", hold.exchange, gateway::HoldStateName(hold.state), hold.clause.empty() ? "(route)" : hold.clause,
             hold.model, hold.time, hold.decided.empty() ? "until" : "decided", hold.decided.empty() ? hold.expires : hold.decided);
  if (!whole) {
    const std::string asked = LastUserText(hold);
    fmt::print("    {}\n", ToUtf8(asked.substr(0, asked.find('\n')).substr(0, 100)));
    return;
  }
  fmt::print("\nasked:\n{}\n\nanswer:\n", LastUserText(hold));
  for (const gateway::Choice& choice : hold.answer.choices) {
    fmt::print("{}\n", choice.text);
    if (!choice.tool_calls.empty()) fmt::print("{}\n", ToPrettyJson(choice.tool_calls));
  }
  if (!hold.by.empty()) fmt::print("\n{} by {} at {}\n", gateway::HoldStateName(hold.state), hold.by, hold.decided);
}

Status Show(const ReviewFlags& flags, const Globals& globals) {
  PLUMB_TRY(const auto ledger, OpenHolds(globals, true));
  const Time now = SystemClock()();
  std::vector<Hold> holds;
  if (flags.id.empty()) {
    PLUMB_TRY(holds, gateway::ListHolds(*ledger, now, {.decided = flags.all}));
  } else {
    PLUMB_TRY(Hold hold, gateway::FindHold(*ledger, flags.id, now));
    holds.push_back(std::move(hold));
  }
  if (holds.empty() && !globals.json) fmt::print("nothing waits{}\n", flags.all ? ", and nothing did" : " (--all shows what was decided or expired)");
  for (const Hold& hold : holds) {
    if (globals.json) std::puts(ToJson(gateway::HoldJson(hold, true)).c_str());
    else PrintHold(hold, !flags.id.empty());
  }
  return {};
}

// The words of an edit: --text, or what is piped in.
Result<std::string> WordsOf(const ReviewFlags& flags, const std::string& kind) {
  if (kind != "edit" || !flags.text.empty()) return flags.text;
  std::string text;
  if (isatty(STDIN_FILENO) == 0) {
    char some[4096];
    for (size_t got; (got = std::fread(some, 1, sizeof some, stdin)) > 0;) text.append(some, got);
  }
  if (Trim(text).empty()) return Fail(Code::kInvalid, "say what is given instead: --text 'WORDS', or pipe it in (plumb review edit {} < answer.txt)", flags.id);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Status DecideHold(const ReviewFlags& flags, const std::string& kind, const Globals& globals) {
  PLUMB_TRY(const std::string words, WordsOf(flags, kind));
  PLUMB_TRY(const auto ledger, OpenHolds(globals, false));
  const Decision decision{kind, words, flags.note, ThisUser(), "local"};
  PLUMB_TRY(const ledger::Receipt receipt, gateway::DecideHold(*ledger, flags.id, decision, SystemClock()()));
  if (globals.json) {
    std::puts(ToJson(json::object{{"exchange", flags.id}, {"decision", kind}, {"id", receipt.id}, {"index", receipt.index}, {"leaf_hash", receipt.leaf_hash}}).c_str());
  } else {
    const char* done = kind == "release" ? "released" : kind == "edit" ? "edited" : "refused";
    fmt::print("{} {} (ledger entry {}); the caller gets it the next time it asks\n", done, flags.id, receipt.index);
  }
  return {};
}

}  // namespace

void RegisterReview(CLI::App& app, Globals& globals) {
  static ReviewFlags flags;  // CLI11 keeps references to it
  CLI::App* review = app.add_subcommand("review", "Look at answers that wait for a person; release, edit or refuse them");
  review->require_subcommand(1);
  CLI::App* held = review->add_subcommand("held", "What waits, newest first; with an id all of it");
  AddGlobals(*held, globals);
  held->add_option("id", flags.id, "exc_…");
  held->add_flag("--all", flags.all, "Also what was decided or expired");
  held->callback([&] {
    if (Status done = Show(flags, globals); !done) Report(done.error(), globals);
  });
  for (const auto& [kind, help] : {std::pair{"release", "Give the answer as it is"}, std::pair{"edit", "Give other words instead"},
                                   std::pair{"refuse", "Give no answer"}}) {
    CLI::App* decide = review->add_subcommand(kind, help);
    AddGlobals(*decide, globals);
    decide->add_option("id", flags.id, "exc_…")->required();
    if (kind != std::string_view("release")) decide->add_option("--text", flags.text, "The words that are given instead");
    decide->add_option("--note", flags.note, "Why, for the record");
    decide->callback([&, kind = std::string(kind)] {
      if (Status done = DecideHold(flags, kind, globals); !done) Report(done.error(), globals);
    });
  }
}

}  // namespace plumb::cli

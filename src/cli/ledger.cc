// plumb ledger: where it is, whether it holds, what it proves.
#include <cstdio>
#include <iostream>

#include "cli/config.h"
#include "cli/verbs.h"
#include "evidence/ledger/ledger.h"

namespace plumb::cli {
namespace {

using ledger::Ledger;

Result<std::unique_ptr<Ledger>> OpenLedger(const Globals& globals, bool read_only) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  return Ledger::Open(config.ledger, {.read_only = read_only});
}

json::object ReceiptJson(const ledger::Receipt& receipt) {
  return {{"id", receipt.id}, {"index", receipt.index}, {"leaf_hash", receipt.leaf_hash}, {"tree_size", receipt.tree_size}};
}

Status PrintPath(Globals& globals) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  if (globals.json) std::puts(ToJson(json::object{{"path", config.ledger.string()}}).c_str());
  else std::puts(config.ledger.c_str());
  return {};
}

Status VerifyLedger(const std::vector<std::string>& witnesses, Globals& globals) {
  std::vector<std::string> notes;
  for (const auto& file : witnesses) {
    PLUMB_TRY(auto note, ReadFile(file));
    notes.push_back(std::move(note));
  }
  auto opened = OpenLedger(globals, true);
  // A file that cannot even be read as a ledger any more has been tampered with; a missing one could not be checked.
  if (!opened && opened.error().code == Code::kCorrupt) {
    Report(opened.error(), globals);
    globals.exit_code = 1;
    return {};
  }
  if (!opened) return std::unexpected(opened.error());
  auto done = (*opened)->Verify(notes);
  if (!done && done.error().code == Code::kCorrupt) {
    Report(done.error(), globals);
    globals.exit_code = 1;
    return {};
  }
  if (!done) return std::unexpected(done.error());
  json::array problems;
  for (const auto& problem : done->problems) {
    json::object row = {{"what", problem.what}};
    if (problem.index) row["index"] = *problem.index;
    problems.push_back(std::move(row));
  }
  const bool good = problems.empty();
  if (globals.json) {
    std::puts(ToJson(json::object{{"verifies", good}, {"size", done->size}, {"root", done->root}, {"checkpoints", done->checkpoints},
                                  {"texts", done->texts}, {"erased", done->erased}, {"witnessed", done->witnessed}, {"problems", problems}}).c_str());
  } else {
    for (const auto& problem : done->problems)
      fmt::print("{}{}\n", problem.index ? fmt::format("entry {}: ", *problem.index) : "", problem.what);
    fmt::print("{}: {} entries, root {}, {} signed heads, {} texts, {} erased; {}\n", good ? "verifies" : "DOES NOT VERIFY", done->size, done->root,
               done->checkpoints, done->texts, done->erased, done->witnessed ? "compared with a witness" : "no outside witness yet (plumb ledger checkpoint)");
  }
  globals.exit_code = good ? 0 : 1;
  return {};
}

struct ProveArguments {
  std::string id;
  uint64_t from = 0, to = 0;
};

Status Prove(const ProveArguments& a, Globals& globals) {
  PLUMB_TRY(const auto ledger, OpenLedger(globals, true));
  if (a.id.empty() && (a.from == 0 || a.to == 0)) return Fail(Code::kInvalid, "give an entry's ID, or --from and --to");
  PLUMB_TRY(const auto proof, a.id.empty() ? ledger->ProveConsistency(a.from, a.to) : ledger->Prove(a.id));
  std::fputs((globals.json ? ToJson(proof) + "\n" : ToPrettyJson(proof)).c_str(), stdout);
  return {};
}

Status CheckProofFile(const std::string& file, std::string key, Globals& globals) {
  PLUMB_TRY(const auto proof, ReadJson(file));
  if (!proof.is_object()) return FailAt(file, Code::kInvalid, "is not a proof");
  const auto status = ledger::CheckProof(proof.get_object(), key);
  if (!status && status.error().code != Code::kCorrupt) return status;
  if (globals.json) std::puts(ToJson(json::object{{"valid", status.has_value()}, {"why", status ? "" : status.error().message}}).c_str());
  else std::puts(status ? "valid" : ("not valid: " + status.error().message).c_str());
  globals.exit_code = status ? 0 : 1;
  return {};
}

Status Export(const std::string& file, Globals& globals) {
  PLUMB_TRY(const auto ledger, OpenLedger(globals, true));
  std::string text;
  for (uint64_t from = 0;;) {
    PLUMB_TRY(const auto page, ledger->List({.from = from, .limit = 1000, .newest_first = false}));
    for (const auto& stored : page)
      text += ToJson(json::object{{"index", stored.index}, {"entry", stored.entry}, {"texts", stored.texts}}) + "\n";
    if (page.size() < 1000) break;
    from = page.back().index + 1;
  }
  if (file == "-") return std::fputs(text.c_str(), stdout), Status();
  return WriteFileAtomic(file, text);
}

Status Erase(const std::string& subject, const std::string& reason, Globals& globals) {
  PLUMB_TRY(const auto ledger, OpenLedger(globals, false));
  PLUMB_TRY(const auto erasure, ledger->Erase(subject, reason));
  json::object out = ReceiptJson(erasure.receipt);
  out["texts"] = erasure.texts;
  out["stale"] = json::value_from(erasure.stale);
  if (globals.json) std::puts(ToJson(out).c_str());
  else fmt::print("{} texts are gone; recorded as {}; stale: {}\n", erasure.texts, erasure.receipt.id, erasure.stale.empty() ? "nothing" : Join(erasure.stale, ", "));
  return {};
}

// One entry for each row; a receipt line as soon as it is on disk. A row is the body, unless it has a "body" of its own
// beside "subject" and "texts".
Status Append(const std::string& kind, const std::string& file, Globals& globals) {
  PLUMB_TRY(const auto rows, ReadJsonl(file));
  PLUMB_TRY(const auto ledger, OpenLedger(globals, false));
  for (const auto& row : rows) {
    ledger::Entry entry{.kind = kind, .body = row};
    if (const auto* body = FindObject(row, "body")) {
      entry.body = *body;
      PLUMB_TRY(entry.subject, GetStringOr(row, "subject", ""));
      PLUMB_TRY(entry.id, GetStringOr(row, "id", ""));
      if (const auto* texts = FindObject(row, "texts"))
        for (const auto& [field, text] : *texts)
          if (text.is_string()) entry.texts.push_back({std::string(field), std::string(text.get_string())});
    }
    PLUMB_TRY(const auto receipt, ledger->Append(std::move(entry)));
    std::puts(ToJson(ReceiptJson(receipt)).c_str());
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

void RegisterLedger(CLI::App& app, Globals& globals) {
  CLI::App* verb = app.add_subcommand("ledger", "What happened, provably: verify, prove, export, erase");
  verb->require_subcommand(1);
  auto add = [&](const char* name, const char* about, auto&& options, auto&& action) {
    CLI::App* command = verb->add_subcommand(name, about);
    options(*command);
    AddGlobals(*command, globals);
    command->callback([action, &globals] {
      if (auto status = action(globals); !status) Report(status.error(), globals);
    });
  };
  auto none = [](CLI::App&) {};
  add("path", "Print the ledger's file", none, PrintPath);

  auto witnesses = std::make_shared<std::vector<std::string>>();
  add("verify", "Check every stored byte; exit code 1 where something was changed",
      [&](CLI::App& c) { c.add_option("--witness", *witnesses, "A signed head kept elsewhere (plumb ledger checkpoint)"); },
      [witnesses](Globals& g) { return VerifyLedger(*witnesses, g); });

  add("checkpoint", "Print the signed head, to be kept elsewhere as a witness", none, [](Globals& g) -> Status {
    PLUMB_TRY(const auto ledger, OpenLedger(g, true));
    PLUMB_TRY(const auto note, ledger->HeadNote());
    if (g.json) std::puts(ToJson(json::object{{"checkpoint", note}, {"verifier_key", ledger->VerifierKey()}}).c_str());
    else std::fputs(note.c_str(), stdout);
    return {};
  });
  add("key", "Print the verifier key that outsiders check proofs with", none, [](Globals& g) -> Status {
    PLUMB_TRY(const auto ledger, OpenLedger(g, true));
    std::puts(ledger->VerifierKey().c_str());
    return {};
  });

  auto prove = std::make_shared<ProveArguments>();
  add("prove", "Print a proof that an entry is in the log, or that the log only grew",
      [&](CLI::App& c) {
        c.add_option("id", prove->id, "The entry");
        c.add_option("--from", prove->from, "The smaller size of a consistency proof");
        c.add_option("--to", prove->to, "The larger size");
      },
      [prove](Globals& g) { return Prove(*prove, g); });

  auto check = std::make_shared<std::pair<std::string, std::string>>();
  add("check", "Check a proof with nothing but the verifier key",
      [&](CLI::App& c) {
        c.add_option("proof", check->first, "The proof, as prove printed it")->required();
        c.add_option("--key", check->second, "The verifier key (plumb ledger key)")->required();
      },
      [check](Globals& g) { return CheckProofFile(check->first, check->second, g); });

  auto out = std::make_shared<std::string>("-");
  add("export", "Write every entry as JSONL", [&](CLI::App& c) { c.add_option("--out", *out, "A file, or - for standard output")->capture_default_str(); },
      [out](Globals& g) { return Export(*out, g); });

  auto erase = std::make_shared<std::pair<std::string, std::string>>();
  add("erase", "Destroy a subject's texts; the tree still verifies",
      [&](CLI::App& c) {
        c.add_option("subject", erase->first, "Whose texts")->required();
        c.add_option("--reason", erase->second, "Why; goes into the ledger")->required();
      },
      [erase](Globals& g) { return Erase(erase->first, erase->second, g); });

  auto append = std::make_shared<std::pair<std::string, std::string>>();
  add("append", "Record one entry for each JSONL row, and print the receipts",
      [&](CLI::App& c) {
        c.add_option("--kind", append->first, "The entries' kind")->required();
        c.add_option("--in", append->second, "JSONL, - for standard input")->required();
      },
      [append](Globals& g) { return Append(append->first, append->second, g); });
}

}  // namespace plumb::cli

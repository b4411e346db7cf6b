// plumb gate declare FILE; approver NAME; except FILE
#include "cli/gate_declare.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/core/secret.h"
#include "cli/config.h"
#include "cli/eval_seal.h"
#include "cli/suite_files.h"
#include "evidence/ledger/ledger.h"
#include "measure/eval/gate_report.h"

namespace plumb::cli {
namespace {

struct DeclareFlags {
  std::string file, name, key, gate, check, by, expires = "14d", reason, exceptions;
  bool anyway = false;
};

// The project's ledger; null where there is none yet.
Result<std::unique_ptr<ledger::Ledger>> GateLedger(const Globals& globals, bool read_only) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  std::error_code ignored;
  if (!fs::exists(config.ledger, ignored)) return nullptr;
  return ledger::Ledger::Open(config.ledger, {.read_only = read_only});
}

Status DeclareVerb(const DeclareFlags& flags, Globals& globals) {
  PLUMB_TRY(const eval::Declaration declaration, eval::LoadDeclaration(flags.file));
  std::vector<data::Suite> suites;
  eval::Lock lock{.declaration_sha256 = declaration.sha256, .time = FormatTime(SystemClock()()), .ledger_entry = "", .suites = {}, .baselines = {}};
  for (const std::string& name : declaration.Suites()) {
    const auto path = declaration.suite_paths.find(name);
    PLUMB_TRY(suites.emplace_back(), FindSuite(path == declaration.suite_paths.end() ? name : path->second));
    if (suites.back().name != name) return FailAt(flags.file, Code::kInvalid, "suite '{}' is called '{}'", name, suites.back().name);
    lock.suites[name] = suites.back().sha256;
  }
  if (declaration.from == eval::Declaration::From::kPinned) {
    PLUMB_TRY(const std::vector<eval::Run> runs, eval::FindRuns(declaration.baseline));
    eval::Run candidate;  // none yet: any pinned run is older
    candidate.created = "9999";
    for (const std::string& name : declaration.Suites()) {
      PLUMB_TRY(const eval::Run run, eval::ChooseBaseline(declaration, name, runs, candidate));
      lock.baselines[name] = run.digest;
    }
  }
  PLUMB_TRY(const eval::Plan plan, eval::PlanGate(declaration, suites));
  const bool locked = plan.enough || flags.anyway;
  const fs::path file = eval::LockFile(flags.file);
  if (locked) {
    PLUMB_TRY(lock.ledger_entry, RecordGate({{"step", "declared"}, {"gate", declaration.name}, {"declaration_sha256", declaration.sha256}}, globals));
    PLUMB_CHECK(WriteFileAtomic(file, ToPrettyJson(eval::LockJson(lock, plan)) + "\n"));
  }
  if (globals.json) {
    json::object out = eval::LockJson(lock, plan);
    out["enough"] = plan.enough;
    if (locked) out["lock"] = file.string();
    std::puts(ToJson(out).c_str());
  } else {
    fmt::print("{}\n", eval::PlanTable(plan));
    if (locked) fmt::print("declared: {}{}\n", file.string(), lock.ledger_entry.empty() ? "" : ", in the ledger as " + lock.ledger_entry);
    else fmt::print("Not declared: with so few cases even an equal candidate would not pass often enough. Add cases, widen a margin, or declare it with --anyway.\n");
  }
  if (!plan.enough) globals.exit_code = flags.anyway ? 0 : 2;
  return {};
}

Status ApproverVerb(const DeclareFlags& flags, Globals& globals) {
  std::error_code ignored;
  if (fs::exists(flags.key, ignored)) return FailAt(flags.key, Code::kConflict, "is there already; keys are not overwritten");
  const std::string seed = RandomBytes(32);
  PLUMB_CHECK(WriteFileAtomic(flags.key, HexEncode(seed) + "\n"));
  fs::permissions(flags.key, fs::perms::owner_read | fs::perms::owner_write, ignored);
  const std::string key = HexEncode(Ed25519PublicKey(seed));
  if (globals.json) std::puts(ToJson(json::object{{"name", flags.name}, {"key", key}, {"file", flags.key}}).c_str());
  else fmt::print("  - {{name: {}, key: {}}}\n\nPut this line under `approvers:` of the declaration; {} stays with {}.\n", flags.name, key, flags.key, flags.name);
  return {};
}

Status ExceptVerb(const DeclareFlags& flags, Globals& globals) {
  PLUMB_TRY(const eval::Declaration declaration, eval::LoadDeclaration(flags.file));
  PLUMB_TRY(const json::value decided, ReadJson(flags.gate));
  if (!decided.is_object()) return FailAt(flags.gate, Code::kInvalid, "not a gate.json");
  PLUMB_TRY(const std::string candidate, GetString(decided.as_object(), "candidate"));
  PLUMB_TRY(const std::string hex, ReadFile(flags.key));
  const auto seed = HexDecode(Trim(hex));
  if (!seed || seed->size() != 32) return FailAt(flags.key, Code::kInvalid, "not an approver's key (plumb gate approver makes one)");
  PLUMB_TRY(const std::chrono::seconds lasts, ParseDuration(flags.expires));
  const Time now = SystemClock()();
  PLUMB_TRY(const eval::Exception granted,
            eval::GrantException(declaration, {.declaration_sha256 = "", .check = flags.check, .candidate = candidate, .reason = flags.reason, .by = flags.by,
                                               .granted = FormatTime(now), .expires = FormatTime(now + lasts), .signature = ""}, *seed));
  const fs::path file = flags.exceptions.empty() ? fs::path(flags.file).replace_extension(".exceptions.jsonl") : fs::path(flags.exceptions);
  std::vector<json::object> rows;
  std::error_code ignored;
  if (fs::exists(file, ignored)) {
    PLUMB_TRY(rows, ReadJsonl(file));
  }
  rows.push_back(eval::ExceptionJson(granted));
  PLUMB_CHECK(WriteJsonl(file, rows));
  json::object body = eval::ExceptionJson(granted);
  body["step"] = "exception";
  PLUMB_CHECK(RecordGate(std::move(body), globals));
  if (globals.json) std::puts(ToJson(rows.back()).c_str());
  else fmt::print("{}: excepted by {} until {}, in {}\n", flags.check, flags.by, granted.expires, file.string());
  return {};
}

void CallDeclare(const Status& status, Globals& globals) {
  if (!status) Report(status.error(), globals);
}

}  // namespace

Result<std::string> RecordGate(json::object body, const Globals& globals) {
  PLUMB_TRY(const auto ledger, GateLedger(globals, false));
  if (!ledger) return "";
  PLUMB_TRY(const ledger::Receipt receipt, ledger->Append({.kind = "gate", .body = std::move(body), .subject = "", .texts = {}, .id = "", .derived_from = {}}));
  return receipt.id;
}

Status CheckLockEntry(const eval::Lock& lock, const Globals& globals) {
  if (lock.ledger_entry.empty()) return {};
  PLUMB_TRY(const auto ledger, GateLedger(globals, true));
  if (!ledger) return {};
  PLUMB_TRY(const ledger::Stored stored, ledger->Get(lock.ledger_entry));
  const json::string* sha = FindString(stored.body, "declaration_sha256");
  if (!sha || std::string_view(*sha) != lock.declaration_sha256)
    return Fail(Code::kCorrupt, "the ledger's entry {} is of another declaration than the lock", lock.ledger_entry);
  const auto said = ParseTime(lock.time), recorded = ParseTime(stored.time);
  if (!said || !recorded || *recorded > *said + std::chrono::minutes(1))
    return Fail(Code::kCorrupt, "the lock says {}, the ledger recorded the declaration at {}", lock.time, stored.time);
  return {};
}

void AddGateDeclare(CLI::App& gate, Globals& globals) {
  auto flags = std::make_shared<DeclareFlags>();
  CLI::App* declare = gate.add_subcommand("declare", "Before the run: what the declared gate can see, and a lock of it (exit 2: too few cases)");
  declare->add_option("FILE", flags->file, "The declaration (docs/gate.md)")->required();
  declare->add_flag("--anyway", flags->anyway, "Also where the declared power is not reached");
  AddGlobals(*declare, globals);
  declare->callback([flags, &globals] { CallDeclare(DeclareVerb(*flags, globals), globals); });

  CLI::App* approver = gate.add_subcommand("approver", "A key for somebody who may grant exceptions");
  approver->add_option("NAME", flags->name, "Who")->required();
  approver->add_option("--key", flags->key, "The file for the private key; not overwritten")->required();
  AddGlobals(*approver, globals);
  approver->callback([flags, &globals] { CallDeclare(ApproverVerb(*flags, globals), globals); });

  CLI::App* except = gate.add_subcommand("except", "Grant a signed exception to one check for one candidate, until a day");
  except->add_option("FILE", flags->file, "The declaration")->required();
  except->add_option("--gate", flags->gate, "The gate.json that did not pass")->required();
  except->add_option("--check", flags->check, "The id of the check")->required();
  except->add_option("--by", flags->by, "The approver; not the release's owner")->required();
  except->add_option("--key", flags->key, "The approver's private key")->required();
  except->add_option("--reason", flags->reason, "Why")->required();
  except->add_option("--expires", flags->expires, "After how long it ends; 90d at most")->capture_default_str();
  except->add_option("--exceptions", flags->exceptions, "The file to add it to (default: beside the declaration)");
  AddGlobals(*except, globals);
  except->callback([flags, &globals] { CallDeclare(ExceptVerb(*flags, globals), globals); });
  AddGateOpen(gate, globals);
}

}  // namespace plumb::cli

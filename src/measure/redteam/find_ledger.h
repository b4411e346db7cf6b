// The red team's finds in the project's ledger: each is a finding (evidence/finding) like any that people report, once, however
// many campaigns find it; what a proof closes is verified, and what works again is open again.
//
//   PLUMB_TRY(const RecordedFinds recorded, RecordFinds(*ledger, findings, policy, now));
//   PLUMB_TRY(const Verified verified, VerifyFinds(*ledger, proof, receipt.id, now));
#pragma once

#include <map>
#include <string>
#include <vector>

#include "evidence/finding/immunity.h"
#include "evidence/ledger/ledger.h"
#include "intent/policy/policy.h"
#include "measure/redteam/proof.h"
#include "measure/redteam/repair.h"

namespace plumb::redteam {

inline constexpr std::string_view kFindSource = "redteam";

struct RecordedFinds {
  std::map<std::string, std::string> findings;  // the find's id → the finding's
  int64_t made = 0, duplicates = 0, known = 0;   // duplicates: of those made, what says the same as an earlier finding
  std::vector<std::string> reopened;             // known as fixed, verified or rejected, and found again: confirmed
};

// New ones are triaged: a judge said that they work, and their clause's severity is the policy's. A person confirms or rejects
// them. A find too long to be kept whole is kept by its beginning. Errors: the ledger's.
Result<RecordedFinds> RecordFinds(ledger::Ledger& ledger, const std::vector<Finding>& finds, const policy::Policy* policy, Time now);

struct Verified {
  std::vector<std::string> findings;  // now verified
  std::vector<std::string> reopened;  // were fixed or verified, and the proof found that they work
  finding::Immunity immunity;         // over every find of the red team that the ledger knows
};

// Finds that a proof closed are verified, with the entry that shows it; those it found open are confirmed again. Finds of which
// the ledger does not know, duplicates and rejected ones stay as they are. A proof that failed closes none. Errors: the ledger's.
Result<Verified> VerifyFinds(ledger::Ledger& ledger, const Proof& proof, const std::string& evidence, Time now);

}  // namespace plumb::redteam

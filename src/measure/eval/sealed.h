// Private suites: one file, encrypted at rest, in two halves with a key each. The open half is for daily work; the sealed one
// is opened by `plumb gate` alone, which counts its openings in the ledger, so that nobody can tune against it unseen.
//
//   PLUMB_TRY(const std::string text, SealSuite(suite, {.name = "release", .openings = 20}, keys));
//   PLUMB_TRY(const SealedSuite sealed, ParseSealed(text, "release.sealed.json"));
//   PLUMB_TRY(const data::Suite open, OpenHalf(sealed, Half::kOpen, keys.open));
//
// What a half may not do is bound to its ciphertext: a file whose rules were edited does not open. A key opens what it opens
// for whoever holds it; only where the sealed half's key lies nowhere but with the gate does its count say anything.
#pragma once

#include <string>
#include <vector>

#include "base/core/core.h"
#include "intent/data/suite.h"

namespace plumb::eval {

enum class Half { kOpen, kSealed };
const char* HalfName(Half half);

// 32 bytes each.
struct SuiteKeys {
  std::string open, sealed;
};

struct SealRules {
  std::string name;                     // of the suite; the halves are NAME and NAME-sealed
  std::string canary;                   // stands in every case; a text that must never show up in training data
  std::vector<std::string> never_send;  // runtime/provider/never_send.h
  int64_t openings = 20;                // how often the sealed half may be opened before it is spent
  double share = 0.5;                   // of the groups that go into the sealed half
};

struct SealedSuite {
  SealRules rules;
  std::string sha256;  // of the file: what is counted in the ledger
  int64_t cases[2] = {0, 0};
  json::object head;      // the rules as they were sealed
  std::string blobs[2];   // ciphertexts
};

// The file's text. Groups go whole into one half, by a hash of canary and group. Errors: kInvalid (a half would be empty).
Result<std::string> SealSuite(const data::Suite& suite, const SealRules& rules, const SuiteKeys& keys);

Result<SealedSuite> ParseSealed(std::string_view text, const std::string& where);
Result<SealedSuite> ReadSealed(const fs::path& file);
bool IsSealed(const fs::path& file);  // by its name: *.sealed.json

// The cases, in memory only. Errors: kCorrupt (another key, or an edited file).
Result<data::Suite> OpenHalf(const SealedSuite& sealed, Half half, const std::string& key);

// What a training set holds of the suite: cases that are in it, wholly or nearly, and rows with the canary.
struct Leak {
  std::string id;          // of the case; "" for a canary
  size_t row = 0;          // of the training set, from 1
  double containment = 1;  // share of the case's five-word shingles found in the row
};
std::vector<Leak> FindLeaks(const data::Suite& suite, const std::vector<json::object>& training, double threshold = 0.5);

// How far the sealed half can still be believed after `openings` of `allowed`, in words.
std::string RotationAdvice(int64_t openings, int64_t allowed);

}  // namespace plumb::eval

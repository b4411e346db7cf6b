// What the ledger's tests share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "evidence/ledger/ledger.h"

namespace plumb::ledger {

inline std::unique_ptr<Ledger> OpenOrDie(const fs::path& path, bool read_only = false) {
  auto ledger = Ledger::Open(path, {.read_only = read_only});
  if (!ledger) ADD_FAILURE() << ledger.error().Text();
  return ledger ? std::move(*ledger) : nullptr;
}

inline Entry Exchange(int i) {
  return {.kind = "exchange", .body = {{"n", i}, {"policy", "abc"}}, .subject = "user-" + std::to_string(i % 3),
          .texts = {{"request", "question " + std::to_string(i)}, {"response", "answer"}}};
}

inline std::vector<Problem> ProblemsOf(const fs::path& path, std::vector<std::string> witnesses = {}) {
  auto ledger = OpenOrDie(path, true);
  auto verification = ledger->Verify(witnesses);
  if (!verification) return {{std::nullopt, verification.error().Text()}};
  return verification->problems;
}

}  // namespace plumb::ledger

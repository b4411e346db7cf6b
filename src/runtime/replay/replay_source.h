// Where replayed exchanges come from: the ledger, or a log.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "evidence/ledger/ledger.h"
#include "intent/data/traffic.h"

namespace plumb::replay {

// From `since`, inclusive, to `until`, exclusive; RFC 3339 UTC, empty is open. Exchanges without a time are only taken
// where both are open.
struct ReplayRange {
  std::string since, until;
  bool Holds(std::string_view time) const;
};

class ReplaySource {
 public:
  virtual ~ReplaySource() = default;
  // The next exchange in the range, or nothing at the end. After a kInvalid error Next goes on behind the row.
  virtual Result<std::optional<data::Traffic>> Next() = 0;
  // How much is read, 0..1.
  virtual double progress() const = 0;
  // Rows that were no exchanges, or outside the range, by what they are.
  virtual std::map<std::string, size_t> skipped() const = 0;
};

std::unique_ptr<ReplaySource> LedgerSource(ledger::Ledger& ledger, ReplayRange range);
std::unique_ptr<ReplaySource> LogSource(data::TrafficReader reader, ReplayRange range);

}  // namespace plumb::replay

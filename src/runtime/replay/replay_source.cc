#include "runtime/replay/replay_source.h"

#include <algorithm>

namespace plumb::replay {
namespace {

class FromLedger : public ReplaySource {
 public:
  FromLedger(ledger::Ledger& ledger, ReplayRange range) : ledger_(ledger), range_(std::move(range)) {}

  Result<std::optional<data::Traffic>> Next() override {
    for (;;) {
      if (page_.empty()) {
        if (ended_) return std::nullopt;
        PLUMB_CHECK(Turn());
        continue;
      }
      const ledger::Stored stored = std::move(page_.front());
      page_.pop_front();
      at_ = stored.index + 1;
      if (!range_.Holds(stored.time)) {
        ++outside_;
        continue;
      }
      return data::TrafficOfExchange(stored.id, stored.time, stored.body, stored.texts);
    }
  }
  double progress() const override {
    return size_ > first_ ? static_cast<double>(at_ - first_) / static_cast<double>(size_ - first_) : 1;
  }
  std::map<std::string, size_t> skipped() const override {
    return outside_ ? std::map<std::string, size_t>{{"outside the range", outside_}} : std::map<std::string, size_t>();
  }

 private:
  Status Turn() {
    constexpr size_t kPage = 256;
    ledger::Query query{.kind = "exchange", .from = at_, .since = range_.since, .limit = kPage, .newest_first = false};
    PLUMB_TRY(auto page, ledger_.List(query));
    ended_ = page.size() < kPage;
    if (size_ == 0 && !page.empty()) {
      first_ = at_ = page.front().index;
      auto head = ledger_.Head();
      size_ = head ? head->size : 0;
    }
    std::ranges::move(page, std::back_inserter(page_));
    return {};
  }

  ledger::Ledger& ledger_;
  ReplayRange range_;
  std::deque<ledger::Stored> page_;
  uint64_t at_ = 0, first_ = 0, size_ = 0;
  size_t outside_ = 0;
  bool ended_ = false;
};

class FromLog : public ReplaySource {
 public:
  FromLog(data::TrafficReader reader, ReplayRange range) : reader_(std::move(reader)), range_(std::move(range)) {}

  Result<std::optional<data::Traffic>> Next() override {
    for (;;) {
      PLUMB_TRY(std::optional<data::Traffic> one, reader_.Next());
      if (!one || range_.Holds(one->time)) return one;
      ++outside_[one->time.empty() ? "without a time" : "outside the range"];
    }
  }
  double progress() const override { return reader_.progress(); }
  std::map<std::string, size_t> skipped() const override {
    std::map<std::string, size_t> out = reader_.skipped();
    for (const auto& [what, n] : outside_) out[what] += n;
    return out;
  }

 private:
  data::TrafficReader reader_;
  ReplayRange range_;
  std::map<std::string, size_t> outside_;
};

}  // namespace

bool ReplayRange::Holds(std::string_view time) const {
  if (since.empty() && until.empty()) return true;
  return !time.empty() && (since.empty() || time >= since) && (until.empty() || time < until);
}

std::unique_ptr<ReplaySource> LedgerSource(ledger::Ledger& ledger, ReplayRange range) {
  return std::make_unique<FromLedger>(ledger, std::move(range));
}

std::unique_ptr<ReplaySource> LogSource(data::TrafficReader reader, ReplayRange range) {
  return std::make_unique<FromLog>(std::move(reader), std::move(range));
}

}  // namespace plumb::replay

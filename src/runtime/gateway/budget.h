// What a key or a team may use: so much in a period (budgets), so fast (rates), so many at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/core/clock.h"

namespace plumb::gateway {

enum class Unit { kRequests, kTokens, kMoney };
std::string_view UnitName(Unit unit);

// Periods begin with the UTC minute, hour, day or month.
enum class Period { kMinute, kHour, kDay, kMonth };
std::string_view PeriodName(Period period);
Time PeriodStart(Period period, Time now);
Time PeriodEnd(Period period, Time now);

struct Budget {
  Unit unit = Unit::kRequests;
  int64_t amount = 0;  // money: millionths of the price list's currency
  Period per = Period::kMonth;
};
int64_t ToMillionths(double money);

// Zero: no limit. Rates are leaky buckets: what was not used in one window may be used at once, never more.
struct LimitSet {
  double requests_per_second = 0;
  int64_t requests_per_minute = 0;
  int64_t tokens_per_minute = 0;
  int concurrent = 0;  // in this process
  std::vector<Budget> budgets;

  bool empty() const {
    return requests_per_second == 0 && requests_per_minute == 0 && tokens_per_minute == 0 && concurrent == 0 && budgets.empty();
  }
};

}  // namespace plumb::gateway

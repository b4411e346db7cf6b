#include "runtime/gateway/budget.h"

#include <cmath>

namespace plumb::gateway {

namespace {

using std::chrono::floor;

std::chrono::year_month MonthOf(Time now) {
  const std::chrono::year_month_day day(floor<std::chrono::days>(now));
  return day.year() / day.month();
}

}  // namespace

std::string_view UnitName(Unit unit) {
  switch (unit) {
    case Unit::kRequests: return "requests";
    case Unit::kTokens: return "tokens";
    case Unit::kMoney: return "money";
  }
  return "";
}

std::string_view PeriodName(Period period) {
  switch (period) {
    case Period::kMinute: return "minute";
    case Period::kHour: return "hour";
    case Period::kDay: return "day";
    case Period::kMonth: return "month";
  }
  return "";
}

Time PeriodStart(Period period, Time now) {
  switch (period) {
    case Period::kMinute: return floor<std::chrono::minutes>(now);
    case Period::kHour: return floor<std::chrono::hours>(now);
    case Period::kDay: return floor<std::chrono::days>(now);
    case Period::kMonth: return std::chrono::sys_days(MonthOf(now) / 1);
  }
  return now;
}

Time PeriodEnd(Period period, Time now) {
  switch (period) {
    case Period::kMinute: return PeriodStart(period, now) + std::chrono::minutes(1);
    case Period::kHour: return PeriodStart(period, now) + std::chrono::hours(1);
    case Period::kDay: return PeriodStart(period, now) + std::chrono::days(1);
    case Period::kMonth: return std::chrono::sys_days((MonthOf(now) + std::chrono::months(1)) / 1);
  }
  return now;
}

int64_t ToMillionths(double money) { return std::llround(money * 1e6); }

}  // namespace plumb::gateway

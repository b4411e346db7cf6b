#include "base/core/clock.h"

#include <charconv>
#include <cmath>

namespace plumb {

using namespace std::chrono;

namespace {

// A point in time is a 64-bit count of nanoseconds since 1970: years beyond these don't fit.
constexpr int kFirstYear = 1678, kLastYear = 2261;
// A hundred years: the longest that can be added to the present.
constexpr double kLongestSeconds = 100.0 * 365.25 * 86400;

}  // namespace

Clock SystemClock() {
  return [] { return system_clock::now(); };
}

std::string FormatTime(Time time) {
  const auto ms = floor<milliseconds>(time);
  const auto day = floor<days>(ms);
  const year_month_day date{day};
  const hh_mm_ss clock{ms - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Result<Time> ParseTime(std::string_view text) {
  const std::string s(text);
  int y, mo, d, h = 0, mi = 0, n = 0;
  double sec = 0;
  if (std::sscanf(s.c_str(), "%4d-%2d-%2d%n", &y, &mo, &d, &n) != 3)
    return Fail(Code::kInvalid, "'{}' is not an RFC 3339 time such as 2026-11-21T09:30:00Z", text);
  std::string rest = s.substr(n);
  int offset = 0;
  if (!rest.empty()) {
    int used = 0;
    if ((rest[0] != 'T' && rest[0] != 't' && rest[0] != ' ') ||
        std::sscanf(rest.c_str() + 1, "%2d:%2d:%lf%n", &h, &mi, &sec, &used) != 3)
      return Fail(Code::kInvalid, "'{}' is not an RFC 3339 time such as 2026-11-21T09:30:00Z", text);
    const std::string zone = rest.substr(1 + used);
    int zh = 0, zm = 0;
    if (zone == "Z" || zone == "z" || zone.empty()) {
    } else if ((zone[0] == '+' || zone[0] == '-') &&
               std::sscanf(zone.c_str() + 1, "%2d:%2d", &zh, &zm) == 2 && zh >= 0 && zh < 24 && zm >= 0 && zm < 60) {
      offset = (zone[0] == '-' ? -1 : 1) * (zh * 60 + zm);
    } else {
      return Fail(Code::kInvalid, "'{}': '{}' is not a time zone (Z or +hh:mm)", text, zone);
    }
  }
  const year_month_day date{year{y}, month{unsigned(mo)}, day{unsigned(d)}};
  if (!date.ok() || h < 0 || h > 23 || mi < 0 || mi > 59 || !(sec >= 0 && sec < 61))
    return Fail(Code::kInvalid, "'{}' is not a date that exists", text);
  if (y < kFirstYear || y > kLastYear)
    return Fail(Code::kInvalid, "'{}' is outside the years {} to {}", text, kFirstYear, kLastYear);
  return Time(sys_days{date} + hours{h} + minutes{mi - offset} +
              milliseconds{std::llround(sec * 1000)});
}

Result<seconds> ParseDuration(std::string_view text) {
  double amount = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  const std::string_view unit(end, text.data() + text.size() - end);
  double scale = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86400
                 : unit == "w" ? 604800 : 0;
  if (error != std::errc() || scale == 0 || !(amount >= 0))
    return Fail(Code::kInvalid, "'{}' is not a duration such as 90s, 15m, 36h, 5d or 2w", text);
  if (amount * scale > kLongestSeconds) return Fail(Code::kInvalid, "'{}' is longer than a hundred years", text);
  return seconds(std::llround(amount * scale));
}

std::string HumanDuration(double s) {
  if (!(s >= 0 && s <= kLongestSeconds)) return "?";
  if (s < 60) return fmt::format("{:.0f} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", int64_t(s) / 60, int64_t(s) % 60);
  return fmt::format("{} h {:02} min", int64_t(s) / 3600, int64_t(s) % 3600 / 60);
}

}  // namespace plumb

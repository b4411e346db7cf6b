#include "evidence/finding/immunity.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace plumb::finding {
namespace {

struct Span {
  double hours = 0;
  bool verified = false;
};

double HoursBetween(Time from, Time to) { return std::chrono::duration<double, std::ratio<3600>>(to - from).count(); }

// The first time by which half are verified; at one time, who is verified goes before who is still open.
std::optional<double> Median(std::vector<Span> spans) {
  std::ranges::sort(spans, [](const Span& a, const Span& b) { return a.hours != b.hours ? a.hours < b.hours : a.verified > b.verified; });
  double left = 1;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (!spans[i].verified) continue;
    left *= 1 - 1.0 / static_cast<double>(spans.size() - i);
    if (left <= 0.5 + 1e-12) return spans[i].hours;
  }
  return std::nullopt;
}

}  // namespace

Immunity ImmunityOf(const std::vector<Finding>& findings, Time now) {
  Immunity out;
  std::vector<Span> spans;
  for (const Finding& one : findings) {
    if (one.state == State::kRejected || one.state == State::kDuplicate) continue;
    const auto from = ParseTime(one.time), to = one.verified.empty() ? Result<Time>(now) : ParseTime(one.verified);
    if (!from || !to) continue;
    const Span span{std::max(0.0, HoursBetween(*from, *to)), !one.verified.empty()};
    ++(span.verified ? out.verified : out.open);
    if (!span.verified) out.oldest_open_hours = std::max(out.oldest_open_hours, span.hours);
    spans.push_back(span);
  }
  out.median_hours = Median(std::move(spans));
  return out;
}

json::object ImmunityJson(const Immunity& one) {
  const auto rounded = [](double hours) { return std::round(100 * hours) / 100; };
  return {{"verified", one.verified}, {"open", one.open}, {"median_hours", one.median_hours ? json::value(rounded(*one.median_hours)) : json::value()},
          {"oldest_open_hours", rounded(one.oldest_open_hours)}};
}

}  // namespace plumb::finding

#include "base/core/markup.h"
#include "loop/frontier.h"

namespace plumb::loop {
namespace {

constexpr double kLeft = 70, kTop = 14, kSide = 420;  // the square of the plot

double Across(double share) { return kLeft + kSide * share; }
double Down(double share) { return kTop + kSide * (1 - share); }

// A point with 95 % whiskers both ways.
std::string Dot(const Rates& rates, const char* color, const std::string& label, double radius) {
  const Share answered = Answered(rates), &refused = rates.unsafe;
  const double x = Across(answered.rate()), y = Down(refused.rate());
  return fmt::format("<g stroke='var({0})'><line x1={1:.1f} x2={2:.1f} y1={4:.1f} y2={4:.1f} /><line x1={3:.1f} x2={3:.1f} y1={5:.1f} y2={6:.1f} />"
                     "<circle cx={3:.1f} cy={4:.1f} r={7} fill='var({0})' /></g><text x={8:.1f} y={9:.1f}>{10}</text>",
                     color, Across(answered.low), Across(answered.high), x, y, Down(refused.low), Down(refused.high), radius, x + 9, y - 7, EscapeMarkup(label));
}

std::string Plot(const Frontier& frontier, const FrontierOptions& options) {
  std::string out = fmt::format("<svg viewBox='0 0 {0} {1}' width={0} height={1} role=img aria-label='Unsafe requests and everyday prompts refused against look-alikes answered, by strength'>", kLeft + kSide + 60, kTop + kSide + 48);
  for (int tick = 0; tick <= 100; tick += 25) {
    const double share = tick / 100.0;
    out += fmt::format("<g stroke='var(--line)'><line x1={0} x2={0} y1={1} y2={2} /><line x1={3} x2={4} y1={5} y2={5} /></g><text x={0} y={6} text-anchor=middle>{7} %</text><text x={8} y={9} text-anchor=end>{7} %</text>",
                       Across(share), kTop, kTop + kSide, kLeft, kLeft + kSide, Down(share), kTop + kSide + 18, tick, kLeft - 8, Down(share) + 4);
  }
  out += fmt::format("<text x={} y={} text-anchor=middle>look-alikes answered</text><text transform='translate(14 {}) rotate(-90)' text-anchor=middle>refused</text>", kLeft + kSide / 2, kTop + kSide + 40, kTop + kSide / 2);
  out += fmt::format("<line x1={0:.1f} x2={0:.1f} y1={1} y2={2} stroke='var(--bad)' stroke-dasharray='4 3' />", Across(options.limits.least_answered), kTop, kTop + kSide);
  const double everyday = Down(options.limits.most_everyday);
  out += fmt::format("<line x1={} x2={} y1={:.1f} y2={:.1f} stroke='var(--bad)' stroke-dasharray='4 3' />", kLeft, kLeft + kSide, everyday, everyday);
  std::string unsafe, ordinary;
  for (const auto& point : frontier.points) {
    const double x = Across(Answered(point.rates).rate());
    unsafe += fmt::format("{:.1f},{:.1f} ", x, Down(point.rates.unsafe.rate()));
    ordinary += fmt::format("{:.1f},{:.1f} ", x, Down(point.rates.ordinary.rate()));
  }
  out += fmt::format("<polyline fill=none stroke='var(--bad)' points='{}' /><polyline fill=none stroke='var(--a)' points='{}' />", ordinary, unsafe);
  for (size_t i = 0; i < frontier.points.size(); ++i)
    out += Dot(frontier.points[i].rates, "--a", fmt::format("{:g}", frontier.points[i].factor), frontier.picked == i ? 6 : 3);
  if (frontier.confirmed) out += Dot(*frontier.confirmed, "--g", "again", 5);
  return out + "</svg>";
}

}  // namespace

std::string FrontierHtml(const Frontier& frontier, const FrontierOptions& options) {
  return fmt::format("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Frontier of {0}</title><style>{1}</style>"
                     "<main><h1>Frontier of {0}</h1><p class=dim>{2}</p>{3}<p class=key><span><i style='background:var(--a)'></i>unsafe refused by strength, calibration split</span>"
                     "<span><i style='background:var(--bad)'></i>everyday refused</span>"
                     "<span><i style='background:var(--g)'></i>the chosen one again, test split</span><span class=dim>whiskers: 95 % intervals; dashed: least share of look-alikes to answer, most of everyday prompts to refuse</span></p><pre>{4}</pre></main>\n",
                     EscapeMarkup(options.adapter.string()), ReportStyle(), EscapeMarkup(options.target), Plot(frontier, options), EscapeMarkup(ToText(frontier, options)));
}

}  // namespace plumb::loop

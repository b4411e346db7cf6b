#include "measure/eval/confidence.h"

#include <cmath>
#include <map>

#include "base/core/markup.h"
#include "measure/eval/compare.h"
#include "measure/eval/table.h"

namespace plumb::eval {
namespace {

constexpr int kBins = 10;

// Confidence to the right, accuracy upwards; whiskers are intervals, the diagonal is a target that is right as often as it says.
std::string Diagram(const ConfidenceReport& report) {
  constexpr double kLeft = 52, kTop = 12, kSize = 380;
  const auto x = [&](double share) { return kLeft + kSize * share; };
  const auto y = [&](double share) { return kTop + kSize * (1 - share); };
  std::string out = "<svg viewBox='0 0 460 440' width=460 height=440 role=img aria-label='accuracy by confidence'>";
  for (int tick = 0; tick <= 100; tick += 20)
    out += fmt::format("<line x1={:.1f} x2={:.1f} y1={:.1f} y2={:.1f} stroke='var(--line)'/><text x={:.1f} y={:.1f} text-anchor=end>{} %</text><text x={:.1f} y={:.1f} text-anchor=middle>{} %</text>", x(0), x(1),
                       y(tick / 100.0), y(tick / 100.0), x(0) - 6, y(tick / 100.0) + 4, tick, x(tick / 100.0), kTop + kSize + 16, tick);
  out += fmt::format("<line x1={:.1f} y1={:.1f} x2={:.1f} y2={:.1f} stroke='var(--dim)' stroke-dasharray='4 3'/>", x(0), y(0), x(1), y(1));
  for (const stats::ReliabilityBin& bin : report.bins)
    out += fmt::format("<line x1={0:.1f} x2={0:.1f} y1={1:.1f} y2={2:.1f} stroke='var(--a)'/><circle cx={0:.1f} cy={3:.1f} r=4 fill='var(--a)'><title>{4} answers, confidence {5:.1f} %, right {6:.1f} %</title></circle>",
                       x(bin.confidence), y(bin.accuracy.low), y(bin.accuracy.high), y(bin.accuracy.estimate), bin.n, 100 * bin.confidence, 100 * bin.accuracy.estimate);
  return out + fmt::format("<text x={:.1f} y={:.1f} text-anchor=middle>confidence</text></svg>", x(0.5), kTop + kSize + 36);
}

std::string Figure(const stats::Interval& interval, double scale) {
  if (std::isnan(interval.estimate)) return "–";
  return fmt::format("{:.{}f}", scale * interval.estimate, scale == 1 ? 3 : 1);
}

}  // namespace

ConfidenceReport ConfidenceOf(const std::vector<Sample>& samples) {
  ConfidenceReport out;
  stats::Confidences answers;
  std::map<std::string, int64_t> groups;
  for (const Sample& sample : samples) {
    if (sample.status != SampleStatus::kOk || !sample.scores.contains("choice")) continue;
    if (!sample.confidence) {
      ++out.without;
      continue;
    }
    answers.confidence.push_back(*sample.confidence);
    answers.right.push_back(sample.passed);
    answers.cluster.push_back(groups.try_emplace(sample.group, static_cast<int64_t>(groups.size())).first->second);
  }
  out.quality = stats::QualityOf(answers, kBins);
  out.bins = stats::ReliabilityBins(answers, kBins);
  return out;
}

json::object ConfidenceJson(const ConfidenceReport& report) {
  json::object out{{"n", report.quality.n}, {"without", report.without}};
  if (report.quality.n == 0) return out;
  json::array bins;
  for (const stats::ReliabilityBin& bin : report.bins)
    bins.push_back(json::object{{"n", bin.n}, {"right", bin.right}, {"from", bin.low}, {"to", bin.high}, {"confidence", bin.confidence}, {"accuracy", IntervalJson(bin.accuracy)}});
  out["accuracy"] = report.quality.accuracy;
  out["confidence"] = report.quality.confidence;
  for (const auto& [key, figure] : {std::pair{"overconfidence", &report.quality.overconfidence}, {"brier", &report.quality.brier}, {"ece", &report.quality.ece}, {"auroc", &report.quality.auroc}}) {
    if (!std::isnan(figure->estimate) && !std::isnan(figure->low)) out[key] = IntervalJson(*figure);
  }
  out["ece_if_calibrated"] = json::object{{"mean", report.quality.null.mean}, {"high", report.quality.null.high}, {"p", report.quality.null.p}};
  out["bins"] = std::move(bins);
  return out;
}

std::string ConfidenceTable(const ConfidenceReport& report) {
  const stats::ConfidenceQuality& quality = report.quality;
  if (quality.n == 0) return fmt::format("No answer gives a confidence ({} to choice cases without).\n", report.without);
  Table table({"", "", "95 % interval", ""});
  const auto row = [&](const char* name, const stats::Interval& figure, double scale, const std::string& note) {
    table.Row({name, Figure(figure, scale), std::isnan(figure.low) ? "" : fmt::format("{:.{}f} … {:.{}f}", scale * figure.low, scale == 1 ? 3 : 1, scale * figure.high, scale == 1 ? 3 : 1), note});
  };
  row("overconfidence, points", quality.overconfidence, 100, fmt::format("{:.1f} % sure, {:.1f} % right", 100 * quality.confidence, 100 * quality.accuracy));
  row("ECE, points", quality.ece, 100, fmt::format("calibrated: {:.1f}, at most {:.1f} in 95 %; p = {:.3f}", 100 * quality.null.mean, 100 * quality.null.high, quality.null.p));
  row("Brier score", quality.brier, 1, "0 is best");
  row("AUROC", quality.auroc, 1, "knows when it is right; 0.5 is chance");
  std::string text = table.Text() + "\n";
  Table bins({"confidence", "mean", "right", "95 % interval", "answers"});
  for (const stats::ReliabilityBin& bin : report.bins)
    bins.Row({fmt::format("{:.1f}–{:.1f} %", 100 * bin.low, 100 * bin.high), fmt::format("{:.1f} %", 100 * bin.confidence), fmt::format("{:.1f} %", 100 * bin.accuracy.estimate),
              fmt::format("{:.1f} … {:.1f}", 100 * bin.accuracy.low, 100 * bin.accuracy.high), fmt::format("{}", bin.n)});
  text += bins.Text();
  if (report.without > 0) text += fmt::format("{} answers to choice cases give no confidence and are in none of these figures.\n", report.without);
  return text;
}

std::string ConfidenceHtml(const ConfidenceReport& report, const std::string& title, const std::string& made) {
  return fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'><title>Confidence</title><style>"
      ":root{{color-scheme:light dark;--bg:#fbfbfa;--fg:#1d2126;--dim:#5d6670;--line:#d9dcdf;--a:#2f6fd6}}"
      "@media(prefers-color-scheme:dark){{:root{{--bg:#14171a;--fg:#e6e8ea;--dim:#9aa3ad;--line:#30363c;--a:#7aa7f7}}}}"
      "body{{margin:2rem auto;max-width:760px;padding:0 1.2rem;background:var(--bg);color:var(--fg);font:15px/1.55 system-ui,sans-serif}}svg text{{fill:var(--dim);font:11px system-ui,sans-serif}}"
      "pre{{overflow-x:auto}}</style><h1>{}</h1><p>{}. How often answers were right, by how sure the target was: ten bins of about as many answers, Wilson's 95 % intervals; on the dashed line "
      "it is right as often as it says.</p>{}<pre>{}</pre></html>\n",
      EscapeMarkup(title), EscapeMarkup(made), Diagram(report), EscapeMarkup(ConfidenceTable(report)));
}

}  // namespace plumb::eval

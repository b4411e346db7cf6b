#include "loop/progress.h"

#include <unistd.h>

namespace plumb::loop {
namespace {

double Seconds(Time from, Time to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

Progress::Progress(const fs::path& events, Clock clock, std::FILE* terminal)
    : file_(std::fopen(events.c_str(), "ae")), terminal_(terminal), clock_(std::move(clock)),
      live_(terminal && ::isatty(::fileno(terminal))) {}

Progress::~Progress() {
  if (line_open_) std::fputc('\n', terminal_);
  if (file_) std::fclose(file_);
}

void Progress::Phase(std::string name, std::string message) {
  std::lock_guard lock(mutex_);
  phase_ = std::move(name);
  phase_began_ = clock_();
  Write({{"phase", phase_}, {"message", message}});
  Show(fmt::format("{:<10} {}", phase_, message), true);
}

void Progress::Step(double step, double total, json::object metrics) {
  std::lock_guard lock(mutex_);
  const Time now = clock_();
  const double spent = Seconds(phase_began_, now);
  const double eta = step > 0 ? spent * (total - step) / step : 0;
  json::object event = {{"phase", phase_}, {"step", step}, {"total", total}};
  if (step > 0) event["eta_s"] = eta;
  if (!metrics.empty()) event["metrics"] = std::move(metrics);
  Write(std::move(event));
  if (!live_ && Seconds(shown_, now) < 10 && step < total) return;
  constexpr int kBar = 24;
  const int full = total > 0 ? static_cast<int>(kBar * step / total) : 0;
  Show(fmt::format("{:<10} [{:<{}}] {:.0f}/{:.0f}, {} left", phase_, std::string(full, '='), kBar, step, total, HumanDuration(eta)), false);
}

void Progress::Say(std::string message) {
  std::lock_guard lock(mutex_);
  Write({{"phase", phase_}, {"message", message}});
  Show(fmt::format("{:<10} {}", phase_, message), true);
}

void Progress::End(std::string phase, std::string message) {
  std::lock_guard lock(mutex_);
  Write({{"phase", phase}, {"message", message}});
  Show(fmt::format("{:<10} {}", phase, message), true);
}

void Progress::Write(json::object event) {
  if (!file_) return;
  event["t"] = FormatTime(clock_());
  const std::string line = json::serialize(event) + "\n";
  std::fwrite(line.data(), 1, line.size(), file_);
  std::fflush(file_);  // watchers tail the file
}

void Progress::Show(const std::string& line, bool final) {
  if (!terminal_) return;
  shown_ = clock_();
  if (!live_) {
    fmt::print(terminal_, "{}\n", line);
  } else {
    fmt::print(terminal_, "\r\x1b[K{}{}", line, final ? "\n" : "");
    line_open_ = !final;
  }
  std::fflush(terminal_);
}

}  // namespace plumb::loop

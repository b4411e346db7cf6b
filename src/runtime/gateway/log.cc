#include "runtime/gateway/log.h"

#include <algorithm>

namespace plumb::gateway {
namespace {

constexpr std::string_view kLevels[] = {"error", "warn", "info", "debug"};

// logfmt: bare where that is unambiguous, else as JSON writes it.
std::string Bare(const json::value& value) {
  const json::string* text = value.if_string();
  if (!text) return ToJson(value);
  const bool plain = !text->empty() && std::ranges::all_of(*text, [](unsigned char c) { return c > ' ' && c != '"' && c != '=' && c < 0x7F; });
  return plain ? std::string(*text) : ToJson(value);
}

void AddFields(const json::object& fields, const std::string& prefix, std::string& out) {
  for (const auto& [key, value] : fields) {
    const std::string name = prefix + std::string(key);
    if (value.is_object()) AddFields(value.get_object(), name + ".", out);
    else out += " " + name + "=" + Bare(value);
  }
}

}  // namespace

std::string_view LogLevelName(LogLevel level) { return kLevels[static_cast<int>(level)]; }

Result<LogLevel> ParseLogLevel(std::string_view name) {
  const auto found = std::ranges::find(kLevels, name);
  if (found != std::end(kLevels)) return static_cast<LogLevel>(found - std::begin(kLevels));
  return Fail(Code::kInvalid, "no log level '{}'; it must be one of error, warn, info, debug", name);
}

std::string LogText(const LogLine& line, Time time, bool json) {
  if (json) {
    json::object out = {{"time", FormatTime(time)}, {"level", LogLevelName(line.level)}, {"message", line.message}};
    for (const auto& [key, value] : line.fields) out[key] = value;
    return ToJson(out) + "\n";
  }
  std::string message = line.message;
  std::ranges::replace(message, '\n', ' ');
  std::string out = fmt::format("{} {} {}", FormatTime(time), LogLevelName(line.level), message);
  AddFields(line.fields, "", out);
  return out + "\n";
}

Log::Log(LogOptions options, std::FILE* out, Clock clock)
    : options_(options), out_(out), clock_(std::move(clock)), thread_([this] { Run(); }) {}

Log::~Log() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Log::Write(const LogLine& line) {
  if (!Wants(line.level)) return;
  std::string text = LogText(line, clock_(), options_.json);
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() >= kLimit) {
      ++dropped_;
      return;
    }
    waiting_.push_back(std::move(text));
  }
  wake_.notify_one();
}

void Log::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    std::vector<std::string> lines;
    lines.swap(waiting_);
    if (dropped_ > 0) {
      json::object fields = {{"lines", std::exchange(dropped_, 0)}};
      lines.push_back(LogText({LogLevel::kWarn, "log lines were dropped", std::move(fields)}, clock_(), options_.json));
    }
    if (lines.empty() && stopping_) return;
    lock.unlock();
    for (const std::string& line : lines) std::fwrite(line.data(), 1, line.size(), out_);
    std::fflush(out_);
    lock.lock();
  }
}

}  // namespace plumb::gateway

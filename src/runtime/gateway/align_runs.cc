#include "runtime/gateway/align_runs.h"

#include <algorithm>
#include <fstream>

namespace plumb::gateway {
namespace {

// A run without an end event that has said nothing for this long has stopped.
constexpr auto kSilence = std::chrono::seconds(120);

struct RunLog {
  json::array events;
  json::object first, last;
};

RunLog ReadEvents(const fs::path& file) {
  RunLog log;
  LineFollower follower(file);
  for (const std::string& line : follower.More()) {
    auto parsed = ParseJson(line, "events.jsonl");
    if (!parsed || !parsed->is_object()) continue;
    if (log.events.empty()) log.first = parsed->get_object();
    log.last = parsed->get_object();
    log.events.push_back(std::move(*parsed));
  }
  return log;
}

json::value Field(const json::object& event, std::string_view key) {
  const json::value* value = event.if_contains(key);
  return value ? *value : json::value();
}

json::object ReadObject(const fs::path& file) {
  auto parsed = ReadJson(file);
  return parsed && parsed->is_object() ? parsed->get_object() : json::object();
}

// What `plumb align` decided, wherever its report says so.
json::value Passed(const json::object& report) {
  const json::string* verdict = FindString(report, "verdict");
  if (!verdict || *verdict == "could_not_tell") return nullptr;
  return *verdict == "passed";
}

json::object RunRow(const fs::path& folder, const RunLog& log, const json::object& report, Time now) {
  std::error_code ignored;
  const json::object turn = ReadObject(folder / "turn.json");
  const std::string phase = GetStringOr(log.last, "phase", "").value_or("");
  std::string state = phase;
  if (phase != "done" && phase != "failed" && phase != "cancelled") {
    const auto written = fs::last_write_time(folder / "events.jsonl", ignored);
    const auto age = now - std::chrono::file_clock::to_sys(written);
    state = !ignored && age > kSilence ? "stopped" : "running";
  }
  json::object row;
  row["run"] = folder.filename().string();
  row["started"] = Field(log.first, "t");
  row["updated"] = Field(log.last, "t");
  row["state"] = state;
  row["phase"] = phase;
  row["message"] = Field(log.last, "message");
  row["target"] = report.contains("target") ? Field(report, "target") : Field(turn, "target");
  row["has_report"] = fs::exists(folder / "report.html", ignored);
  row["passed"] = Passed(report);
  return row;
}

}  // namespace

std::vector<std::string> LineFollower::More() {
  std::vector<std::string> lines;
  std::ifstream in(file_, std::ios::binary);
  if (!in) return lines;
  in.seekg(static_cast<std::streamoff>(offset_));
  char buffer[65536];
  while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
    partial_.append(buffer, static_cast<size_t>(in.gcount()));
    offset_ += static_cast<uint64_t>(in.gcount());
  }
  size_t begin = 0;
  for (size_t end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n', begin)) {
    if (end > begin) lines.push_back(partial_.substr(begin, end - begin));
    begin = end + 1;
  }
  partial_.erase(0, begin);
  return lines;
}

bool AlignRuns::Has(const std::string& run) const {
  std::error_code ignored;
  if (run.empty() || run.starts_with('.') || run.find_first_of("/\\") != std::string::npos) return false;
  return fs::exists(folder / run / "events.jsonl", ignored);
}

std::vector<json::object> AlignRuns::List() const {
  std::vector<std::pair<std::string, json::object>> rows;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (!Has(entry.path().filename().string())) continue;
    const RunLog log = ReadEvents(entry.path() / "events.jsonl");
    json::object row = RunRow(entry.path(), log, ReadObject(entry.path() / "report.json"), clock());
    const std::string started = GetStringOr(row, "started", "").value_or("");
    rows.emplace_back(started, std::move(row));
  }
  std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<json::object> out;
  for (auto& [started, row] : rows) out.push_back(std::move(row));
  return out;
}

Result<json::object> AlignRuns::Get(const std::string& run) const {
  if (!Has(run)) {
    std::vector<std::string> names;
    for (const json::object& row : List()) names.emplace_back(row.at("run").as_string());
    return Fail(Code::kNotFound, "no run '{}'{}", ToUtf8(run), DidYouMean(run, names));
  }
  RunLog log = ReadEvents(folder / run / "events.jsonl");
  const json::object report = ReadObject(folder / run / "report.json");
  json::object out = RunRow(folder / run, log, report, clock());
  out["events"] = std::move(log.events);
  out["report"] = report.empty() ? json::value() : json::value(report);
  return out;
}

Result<std::string> AlignRuns::ReportHtml(const std::string& run) const {
  std::error_code ignored;
  if (!Has(run) || !fs::exists(folder / run / "report.html", ignored)) {
    return Fail(Code::kNotFound, "run '{}' has no report yet", ToUtf8(run));
  }
  return ReadFile(folder / run / "report.html");
}

std::string AlignRuns::Newest(bool running_only) const {
  for (const json::object& row : List()) {
    if (!running_only || row.at("state").as_string() == "running") return std::string(row.at("run").as_string());
  }
  return "";
}

}  // namespace plumb::gateway

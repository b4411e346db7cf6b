#include "measure/eval/inspect_log.h"

#include <zip.h>

#include <memory>
#include <utility>
#include <vector>

#include "measure/eval/summary.h"

namespace plumb::eval {
namespace {

const char* StopReason(const std::string& finish_reason) {
  if (finish_reason == "stop" || finish_reason == "logprob" || finish_reason == "end_turn") return "stop";
  if (finish_reason == "length" || finish_reason == "max_tokens") return "max_tokens";
  if (finish_reason == "content_filter") return "content_filter";
  if (finish_reason == "tool_calls") return "tool_calls";
  return "unknown";
}

std::string ExpectText(const Sample& sample) { return data::ExpectName(sample.expect); }

json::object ScoresOf(const Sample& sample) {
  json::object scores;
  scores["passed"] = json::object{{"value", sample.passed ? 1 : 0}, {"answer", sample.output}};
  scores["refusal"] = json::object{{"value", sample.refusal}, {"metadata", {{"refused", sample.refused}, {"action", sample.action}}}};
  for (const auto& [name, value] : sample.scores) {
    json::object score{{"value", value}};
    if (const json::value* note = sample.notes.if_contains(name)) score["explanation"] = *note;
    scores[name] = std::move(score);
  }
  return scores;
}

json::object MetadataOf(const Sample& sample) {
  json::object out{{"expect", ExpectText(sample)}, {"group", sample.group}, {"lang", sample.lang}};
  if (!sample.clause.empty()) out["clause"] = sample.clause;
  if (!sample.kind.empty()) out["kind"] = sample.kind;
  return out;
}

json::object UsageOf(const Sample& sample) {
  return {{"input_tokens", sample.input_tokens},
          {"output_tokens", sample.output_tokens},
          {"total_tokens", sample.input_tokens + sample.output_tokens}};
}

json::object ErrorOf(const Sample& sample) {
  return {{"message", sample.error}, {"traceback", ""}, {"traceback_ansi", ""}};
}

json::object InspectSample(const Sample& sample, const std::string& model) {
  json::object out{{"id", sample.id}, {"epoch", 1}, {"input", sample.prompt}, {"target", ExpectText(sample)},
                   {"metadata", MetadataOf(sample)}, {"store", json::object()}, {"events", json::array()},
                   {"model_usage", json::object()}, {"attachments", json::object()}};
  json::array messages{json::object{{"role", "user"}, {"content", sample.prompt}, {"source", "input"}}};
  if (sample.status == SampleStatus::kError) {
    out["messages"] = std::move(messages);
    out["output"] = json::object{{"model", model}, {"choices", json::array()}};
    out["scores"] = json::object();
    out["error"] = ErrorOf(sample);
    return out;
  }
  const json::object answer{{"role", "assistant"}, {"content", sample.output}, {"source", "generate"}, {"model", model}};
  messages.push_back(answer);
  out["messages"] = std::move(messages);
  out["output"] = json::object{
      {"model", model},
      {"choices", json::array{json::object{{"message", answer}, {"stop_reason", StopReason(sample.finish_reason)}}}},
      {"usage", UsageOf(sample)},
      {"time", sample.ms / 1000}};
  out["scores"] = ScoresOf(sample);
  out["total_time"] = sample.ms / 1000;
  return out;
}

json::object SummaryOf(const Sample& sample) {
  json::object out{{"id", sample.id}, {"epoch", 1}, {"input", sample.prompt}, {"target", ExpectText(sample)},
                   {"metadata", MetadataOf(sample)}, {"completed", true}};
  if (sample.status == SampleStatus::kError) out["error"] = sample.error;
  else out["scores"] = ScoresOf(sample);
  return out;
}

json::object MetricJson(std::string_view name, double value) { return {{"name", name}, {"value", value}}; }

json::object ResultsOf(const Run& run, const Summary& summary) {
  json::array scores;
  for (const Rate& rate : summary.rates) {
    if (rate.n == 0) continue;
    scores.push_back(json::object{
        {"name", rate.name},
        {"scorer", "plumb"},
        {"params", json::object()},
        {"scored_samples", rate.n},
        {"unscored_samples", rate.errors + rate.not_run},
        {"metrics", json::object{{"mean", MetricJson("mean", rate.interval.estimate)},
                                 {"ci_low", MetricJson("ci_low", rate.interval.low)},
                                 {"ci_high", MetricJson("ci_high", rate.interval.high)}}}});
  }
  return {{"total_samples", run.samples.size()}, {"completed_samples", summary.ok}, {"scores", std::move(scores)}};
}

// Everything but samples, with the keys in the order inspect_ai writes them.
json::object Header(const Run& run, const Summary& summary) {
  const std::string model = run.TargetName();
  json::array ids;
  for (const Sample& sample : run.samples) ids.emplace_back(sample.id);
  const std::string suite(run.suite.at("name").as_string());
  json::object usage;
  int64_t input = 0, output = 0;
  for (const Sample& sample : run.samples) {
    input += sample.input_tokens;
    output += sample.output_tokens;
  }
  usage[model] = json::object{{"input_tokens", input}, {"output_tokens", output}, {"total_tokens", input + output}};
  const json::object eval{
      {"eval_id", run.id},
      {"run_id", run.id},
      {"created", run.created},
      {"task", suite},
      {"task_id", run.id},
      {"task_version", 0},
      {"task_attribs", json::object()},
      {"task_args", json::object()},
      {"dataset", json::object{{"name", suite}, {"samples", run.samples.size()}, {"sample_ids", std::move(ids)}, {"shuffled", false}}},
      {"model", model},
      {"model_args", json::object()},
      {"config", json::object{{"epochs", 1}, {"fail_on_error", false}}},
      {"packages", json::object()},
      {"metadata", json::object{{"plumb", json::object{{"suite", run.suite}, {"target", run.target}, {"settings", run.settings}}}}}};
  return {{"version", 2},
          {"status", "success"},
          {"eval", eval},
          {"plan", json::object{{"name", "plan"}, {"steps", json::array()}, {"config", json::object()}}},
          {"results", ResultsOf(run, summary)},
          {"stats", json::object{{"started_at", run.created}, {"completed_at", run.created}, {"model_usage", usage}}}};
}

// The .eval container: members are added from strings that live until it is closed.
class Zip {
 public:
  static Result<Zip> Create(const fs::path& path) {
    int code = 0;
    Zip zip;
    zip.path_ = path;
    zip.archive_ = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!zip.archive_) return FailAt(path.string(), Code::kIo, "cannot be written (libzip error {})", code);
    return zip;
  }
  Zip(Zip&& other) noexcept : path_(std::move(other.path_)), archive_(std::exchange(other.archive_, nullptr)),
                              kept_(std::move(other.kept_)) {}
  ~Zip() {
    if (archive_) zip_discard(archive_);
  }

  Status Add(const std::string& name, const json::value& value) {
    kept_.push_back(std::make_unique<std::string>(ToJson(value)));
    zip_source_t* source = zip_source_buffer(archive_, kept_.back()->data(), kept_.back()->size(), 0);
    if (!source || zip_file_add(archive_, name.c_str(), source, ZIP_FL_ENC_UTF_8) < 0)
      return FailAt(path_.string(), Code::kIo, "{}: {}", name, zip_strerror(archive_));
    return {};
  }

  Status Close() {
    if (zip_close(archive_) != 0) return FailAt(path_.string(), Code::kIo, "{}", zip_strerror(archive_));
    archive_ = nullptr;
    return {};
  }

 private:
  Zip() = default;
  fs::path path_;
  zip_t* archive_ = nullptr;
  std::vector<std::unique_ptr<std::string>> kept_;
};

Status WriteEval(const fs::path& path, const Run& run, const json::object& header) {
  PLUMB_TRY(Zip zip, Zip::Create(path));
  PLUMB_CHECK(zip.Add("_journal/start.json", json::object{{"version", 2}, {"eval", header.at("eval")}, {"plan", header.at("plan")}}));
  json::array summaries;
  for (const Sample& sample : run.samples) {
    if (sample.status == SampleStatus::kNotRun) continue;
    PLUMB_CHECK(zip.Add(fmt::format("samples/{}_epoch_1.json", sample.id), InspectSample(sample, run.TargetName())));
    summaries.push_back(SummaryOf(sample));
  }
  PLUMB_CHECK(zip.Add("_journal/summaries/1.json", summaries));
  PLUMB_CHECK(zip.Add("summaries.json", summaries));
  PLUMB_CHECK(zip.Add("reductions.json", json::array()));
  PLUMB_CHECK(zip.Add("header.json", header));
  return zip.Close();
}

}  // namespace

json::object InspectLog(const Run& run) {
  json::object log = Header(run, Summarize(run.samples));
  json::array samples;
  for (const Sample& sample : run.samples) {
    if (sample.status != SampleStatus::kNotRun) samples.push_back(InspectSample(sample, run.TargetName()));
  }
  log["samples"] = std::move(samples);
  return log;
}

Status WriteInspectLogs(const fs::path& folder, const Run& run) {
  PLUMB_CHECK(WriteFileAtomic(folder / "inspect.json", ToPrettyJson(InspectLog(run)) + "\n"));
  const fs::path temporary = folder / ".inspect.eval.new";
  PLUMB_CHECK(WriteEval(temporary, run, Header(run, Summarize(run.samples))));
  std::error_code failed;
  fs::rename(temporary, folder / "inspect.eval", failed);
  if (failed) return FailAt((folder / "inspect.eval").string(), Code::kIo, "{}", failed.message());
  return {};
}

}  // namespace plumb::eval

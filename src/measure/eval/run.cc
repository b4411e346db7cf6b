#include "measure/eval/run.h"

#include <algorithm>
#include <map>

#include "measure/eval/summary.h"

namespace plumb::eval {
namespace {

constexpr std::string_view kFormat = "plumb-run-1";
constexpr std::string_view kStatusNames[] = {"ok", "error", "not_run"};
constexpr std::string_view kJudgeNames[] = {"none", "pending", "abstained", "uncalibrated", "calibrated"};

Result<JudgeState> ParseJudgeState(std::string_view name) {
  const auto found = std::find(std::begin(kJudgeNames), std::end(kJudgeNames), name);
  if (found == std::end(kJudgeNames)) return Fail(Code::kInvalid, "judge '{}' must be pending, abstained, uncalibrated or calibrated", name);
  return static_cast<JudgeState>(found - std::begin(kJudgeNames));
}

// Everything but the samples and the digest.
json::object HeadOf(const Run& run, const Summary& summary) {
  return {{"format", kFormat},     {"id", run.id},         {"created", run.created},          {"suite", run.suite},
          {"target", run.target}, {"settings", run.settings}, {"summary", SummaryJson(summary)}};
}

json::object RunJson(const Run& run) {
  json::object out = HeadOf(run, Summarize(run.samples));
  json::array samples;
  for (const Sample& sample : run.samples) samples.push_back(SampleJson(sample));
  out["samples"] = std::move(samples);
  return out;
}

// CanonicalJson of the head with the samples in it, of which each is in that form already.
Result<std::string> CanonicalRun(const json::object& head, const std::vector<const SampleText*>& samples) {
  std::map<std::string, std::string> fields;  // the names are ASCII: the order of bytes is RFC 8785's
  for (const auto& field : head) {
    PLUMB_TRY(fields[std::string(field.key())], CanonicalJson(field.value()));
  }
  std::string& all = fields["samples"] = "[";
  for (const SampleText* sample : samples) all.append(all.size() > 1 ? "," : "").append(sample->canonical);
  all += "]";
  std::string out = "{";
  for (const auto& [name, text] : fields) out.append(out.size() > 1 ? ",\"" : "\"").append(name).append("\":").append(text);
  return out + "}";
}

// ToPrettyJson of the same.
std::string PrettyRun(json::object head, const std::string& digest, const std::vector<const SampleText*>& samples) {
  head["samples"] = json::array();
  head["digest"] = digest;
  std::string text = ToPrettyJson(head);
  if (samples.empty()) return text;
  constexpr std::string_view kNone = "\"samples\": [";
  const size_t at = text.rfind(kNone) + kNone.size();  // behind it stands only the digest
  std::string all;
  for (const SampleText* sample : samples) all.append(all.empty() ? "\n    " : ",\n    ").append(sample->pretty);
  text.insert(at, all + "\n  ");
  return text;
}

Result<std::string> DigestOf(const json::object& without_digest) {
  PLUMB_TRY(const std::string canonical, CanonicalJson(without_digest));
  return "sha256:" + Sha256Hex(canonical);
}

fs::path RunFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) ? path / "run.json" : path;
}

Result<json::object> ReadObject(const fs::path& file) {
  PLUMB_TRY(json::value value, ReadJson(file));
  if (!value.is_object() || !FindString(value.as_object(), "format") || *FindString(value.as_object(), "format") != kFormat)
    return FailAt(file.string(), Code::kInvalid, "not a run of this version ('format' must be '{}')", kFormat);
  return std::move(value.as_object());
}

Result<Run> ParseRun(const json::object& object, const fs::path& file) {
  Run run;
  PLUMB_TRY(run.id, GetString(object, "id"));
  PLUMB_TRY(run.created, GetString(object, "created"));
  for (auto [key, field] : {std::pair{"suite", &run.suite}, {"target", &run.target}, {"settings", &run.settings}}) {
    const json::object* part = FindObject(object, key);
    if (!part) return FailAt(file.string(), Code::kInvalid, "'{}' is missing", key);
    *field = *part;
  }
  PLUMB_TRY(run.digest, GetString(object, "digest"));
  const json::array* samples = FindArray(object, "samples");
  if (!samples) return FailAt(file.string(), Code::kInvalid, "'samples' is missing");
  for (size_t i = 0; i < samples->size(); ++i) {
    const std::string where = fmt::format("{}: sample {}", file.string(), i + 1);
    if (!(*samples)[i].is_object()) return FailAt(where, Code::kInvalid, "not an object");
    PLUMB_TRY(Sample sample, ParseSample((*samples)[i].as_object(), where));
    run.samples.push_back(std::move(sample));
  }
  return run;
}

}  // namespace

const char* StatusName(SampleStatus status) { return kStatusNames[static_cast<int>(status)].data(); }

const char* JudgeStateName(JudgeState state) { return kJudgeNames[static_cast<int>(state)].data(); }

bool Undecided(const Sample& sample) {
  return sample.status == SampleStatus::kOk && (sample.judge == JudgeState::kPending || sample.judge == JudgeState::kAbstained);
}

std::optional<bool> Selected(const Sample& sample) {
  const json::value* decision = sample.scores.if_contains("decision");
  if (sample.status != SampleStatus::kOk || !decision || !sample.chose) return std::nullopt;
  return decision->is_number() && decision->to_number<double>() > 0.5;
}

std::vector<std::string> Run::NeverSend() const {
  std::vector<std::string> rules;
  const json::array* list = FindArray(suite, "never_send");
  for (const json::value& rule : list ? *list : json::array()) {
    if (rule.is_string()) rules.emplace_back(rule.as_string());
  }
  return rules;
}

std::string Run::TargetName() const {
  const json::string* name = FindString(target, "name");
  return name ? std::string(*name) : "?";
}

json::object SampleJson(const Sample& s) {
  json::object out{{"id", s.id}, {"status", StatusName(s.status)}, {"expect", data::ExpectName(s.expect)}};
  for (const auto& [key, value] : {std::pair<const char*, const std::string*>{"clause", &s.clause}, {"kind", &s.kind},
                                   {"group", &s.group}, {"lang", &s.lang}, {"twin", &s.twin}}) {
    if (!value->empty()) out[key] = *value;
  }
  if (!s.about.empty()) out["about"] = s.about;
  out["prompt"] = s.prompt;
  if (s.status == SampleStatus::kOk) {
    out["output"] = s.output;
    out["refused"] = s.refused;
    out["refusal"] = s.refusal;
    out["action"] = s.action;
    out["passed"] = s.passed;
    if (s.judge != JudgeState::kNone) out["judge"] = JudgeStateName(s.judge);
    out["scores"] = s.scores;
    if (!s.notes.empty()) out["notes"] = s.notes;
    if (s.chose) out["chose"] = *s.chose;
    if (s.confidence) out["confidence"] = *s.confidence;
    out["finish_reason"] = s.finish_reason;
    out["tokens"] = json::object{{"input", s.input_tokens}, {"output", s.output_tokens}};
    out["ms"] = s.ms;
  } else if (!s.error.empty()) {
    out["error"] = s.error;
  }
  return out;
}

Result<Sample> ParseSample(const json::object& row, const std::string& where) {
  const auto read = [&]() -> Result<Sample> {
    Sample s;
    PLUMB_TRY(s.id, GetString(row, "id"));
    PLUMB_TRY(const std::string status, GetString(row, "status"));
    size_t at = 0;
    while (at < std::size(kStatusNames) && kStatusNames[at] != status) ++at;
    if (at == std::size(kStatusNames))
      return Fail(Code::kInvalid, "status '{}' must be ok, error or not_run", status);
    s.status = static_cast<SampleStatus>(at);
    PLUMB_TRY(const std::string expect, GetString(row, "expect"));
    PLUMB_TRY(s.expect, data::ParseExpect(expect));
    for (const auto& [key, field] : {std::pair<const char*, std::string*>{"clause", &s.clause}, {"kind", &s.kind},
                                     {"group", &s.group}, {"lang", &s.lang}, {"twin", &s.twin}, {"prompt", &s.prompt},
                                     {"error", &s.error}}) {
      PLUMB_TRY(*field, GetStringOr(row, key, ""));
    }
    if (const json::object* about = FindObject(row, "about")) s.about = *about;
    if (s.status != SampleStatus::kOk) return s;
    PLUMB_TRY(s.output, GetString(row, "output"));
    PLUMB_TRY(s.refused, GetBoolOr(row, "refused", false));
    PLUMB_TRY(s.refusal, GetNumberOr(row, "refusal", 0));
    PLUMB_TRY(s.action, GetStringOr(row, "action", "allow"));
    PLUMB_TRY(s.passed, GetBoolOr(row, "passed", false));
    PLUMB_TRY(const std::string judge, GetStringOr(row, "judge", "none"));
    PLUMB_TRY(s.judge, ParseJudgeState(judge));
    PLUMB_TRY(s.finish_reason, GetStringOr(row, "finish_reason", ""));
    PLUMB_TRY(s.ms, GetNumberOr(row, "ms", 0));
    if (const json::object* scores = FindObject(row, "scores")) s.scores = *scores;
    if (const json::object* notes = FindObject(row, "notes")) s.notes = *notes;
    if (row.contains("chose")) {
      PLUMB_TRY(s.chose, GetInt(row, "chose"));
    }
    if (row.contains("confidence")) {
      PLUMB_TRY(s.confidence, GetNumber(row, "confidence"));
    }
    if (const json::object* tokens = FindObject(row, "tokens")) {
      PLUMB_TRY(s.input_tokens, GetIntOr(*tokens, "input", 0));
      PLUMB_TRY(s.output_tokens, GetIntOr(*tokens, "output", 0));
    }
    return s;
  };
  auto sample = read();
  if (!sample) {
    Error error = sample.error();
    error.where = where;
    return std::unexpected(std::move(error));
  }
  return sample;
}

Result<std::string> RunDigest(const Run& run) { return DigestOf(RunJson(run)); }

Result<SampleText> TextOf(const json::object& sample) {
  SampleText text;
  PLUMB_TRY(text.canonical, CanonicalJson(sample));
  const std::string pretty = ToPrettyJson(sample);
  for (const char c : std::string_view(pretty).substr(0, pretty.size() - 1)) {
    text.pretty += c;
    if (c == '\n') text.pretty += "    ";  // texts hold no line breaks: JSON writes them as \n
  }
  return text;
}

Result<std::string> WriteRunOf(const fs::path& file, const Run& run, const Summary& summary,
                               const std::vector<const SampleText*>& samples) {
  const json::object head = HeadOf(run, summary);
  PLUMB_TRY(const std::string canonical, CanonicalRun(head, samples));
  const std::string digest = "sha256:" + Sha256Hex(canonical);
  PLUMB_CHECK(WriteFileAtomic(file, PrettyRun(head, digest, samples) + "\n"));
  return digest;
}

Status WriteRun(const fs::path& file, const Run& run) {
  json::object object = RunJson(run);
  PLUMB_TRY(const std::string digest, DigestOf(object));
  object["digest"] = digest;
  return WriteFileAtomic(file, ToPrettyJson(object) + "\n");
}

Result<Run> ReadRunUnchecked(const fs::path& path) {
  const fs::path file = RunFile(path);
  PLUMB_TRY(const json::object object, ReadObject(file));
  return ParseRun(object, file);
}

Result<Run> ReadRun(const fs::path& path) {
  const fs::path file = RunFile(path);
  PLUMB_TRY(json::object object, ReadObject(file));
  PLUMB_TRY(Run run, ParseRun(object, file));
  object.erase("digest");
  PLUMB_TRY(const std::string digest, DigestOf(object));
  if (digest != run.digest)
    return FailAt(file.string(), Code::kCorrupt, "the run was edited after it was written: its contents hash to {}, it says {}",
                  digest.substr(0, 19), run.digest.substr(0, 19));
  return run;
}

}  // namespace plumb::eval

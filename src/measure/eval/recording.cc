#include "measure/eval/recording.h"

namespace plumb::eval {

Result<std::string> Recording::Put(const Sample& sample) {
  Texts texts;
  const json::object row = SampleJson(sample);
  PLUMB_TRY(texts.run, TextOf(row));
  if (sample.status != SampleStatus::kNotRun) {
    texts.inspect = ToJson(InspectSample(sample, target_));
    texts.summary = ToJson(InspectSummary(sample));
    texts.member = deflater_.Member(InspectMember(sample), texts.inspect);
  }
  texts_[sample.id] = std::move(texts);
  return ToJson(row);
}

Result<std::string> Recording::Write(const fs::path& folder, const Run& run) {
  std::vector<const SampleText*> samples;
  InspectParts parts;
  for (const Sample& sample : run.samples) {
    if (!texts_.contains(sample.id)) PLUMB_CHECK(Put(sample));
    const Texts& texts = texts_.at(sample.id);
    samples.push_back(&texts.run);
    if (sample.status == SampleStatus::kNotRun) continue;
    parts.samples.push_back(&texts.inspect);
    parts.summaries.push_back(&texts.summary);
    parts.members.push_back(&texts.member);
  }
  const Summary summary = Summarize(run.samples);
  PLUMB_TRY(const std::string digest, WriteRunOf(folder / "run.json", run, summary, samples));
  PLUMB_CHECK(WriteInspectLogsOf(folder, run, summary, parts, deflater_));
  return digest;
}

}  // namespace plumb::eval

#include "model/train/checkpoint.h"

#include <algorithm>

#include "model/lm/tensors.h"

namespace plumb::train {
namespace {

constexpr std::string_view kPrefix = "checkpoint-";

// The checkpoints in `out`, oldest first.
std::vector<std::pair<int64_t, fs::path>> Checkpoints(const fs::path& out) {
  std::vector<std::pair<int64_t, fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(out, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    const std::string digits = name.substr(kPrefix.size());
    if (digits.empty() || digits.size() > 12 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      continue;
    found.emplace_back(std::stoll(digits), entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Status SameRun(const json::object& mine, const json::object& theirs) {
  for (const auto& item : mine) {
    const json::value* other = theirs.if_contains(item.key());
    const std::string now = ToJson(item.value()), then = other ? ToJson(*other) : "nothing";
    if (now != then)
      return Fail(Code::kInvalid, "the checkpoint was written with {} = {}, now it is {}",
                  std::string_view(item.key()), then, now);
  }
  return {};
}

}  // namespace

Result<fs::path> SaveCheckpoint(const fs::path& out, const TrainerState& state,
                                const json::object& fixed, const Objective& objective,
                                const Parameters& parameters, int64_t keep) {
  const fs::path final_path = out / fmt::format("{}{}", kPrefix, state.step);
  const fs::path draft = out / fmt::format(".{}{}.partial", kPrefix, state.step);
  std::error_code error;
  fs::remove_all(draft, error);
  auto write = [&]() -> Status {
    PLUMB_CHECK(MakeFolder(draft));
    PLUMB_CHECK(objective.SaveAdapter(draft));
    std::map<std::string, at::Tensor> tensors = parameters.Values();
    tensors["exp_avg"] = parameters.exp_avg();
    tensors["exp_avg_sq"] = parameters.exp_avg_sq();
    PLUMB_CHECK(lm::WriteSafetensors(draft / "optimizer.safetensors", tensors));
    json::object record = {{"global_step", state.step},
                           {"num_tokens", state.tokens},
                           {"loss_sum", state.loss_sum},
                           {"seconds", state.seconds},
                           {"settings", fixed}};
    if (!state.objective.empty()) record["objective"] = state.objective;
    return WriteFileAtomic(draft / "trainer_state.json", ToPrettyJson(record) + "\n");
  };
  if (Status status = write(); !status) {
    fs::remove_all(draft, error);
    return std::unexpected(Context(status.error(), "writing a checkpoint"));
  }
  fs::remove_all(final_path, error);
  fs::rename(draft, final_path, error);
  if (error)
    return FailAt(final_path.string(), Code::kIo, "cannot put the checkpoint in place: {}",
                  error.message());
  if (keep > 0) {
    auto all = Checkpoints(out);
    for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i)
      if (all[i].first != state.step) fs::remove_all(all[i].second, error);
  }
  return final_path;
}

Result<TrainerState> LoadCheckpoint(const std::string& folder, const fs::path& out,
                                    const json::object& fixed, Parameters& parameters) {
  fs::path path = folder;
  if (folder == "latest") {
    const auto all = Checkpoints(out);
    if (all.empty()) return TrainerState{};
    path = all.back().second;
  }
  auto load = [&]() -> Result<TrainerState> {
    PLUMB_TRY(const json::value value, ReadJson(path / "trainer_state.json"));
    const json::object* record = value.if_object();
    const json::object* theirs = record ? FindObject(*record, "settings") : nullptr;
    if (!theirs) return Fail(Code::kCorrupt, "trainer_state.json has no settings");
    PLUMB_CHECK(SameRun(fixed, *theirs));
    TrainerState state;
    PLUMB_TRY(state.step, GetInt(*record, "global_step"));
    PLUMB_TRY(state.tokens, GetInt(*record, "num_tokens"));
    PLUMB_TRY(state.loss_sum, GetNumber(*record, "loss_sum"));
    PLUMB_TRY(state.seconds, GetNumber(*record, "seconds"));
    if (const json::object* kept = FindObject(*record, "objective")) state.objective = *kept;
    PLUMB_TRY(const lm::Weights weights, lm::Weights::Open(path / "optimizer.safetensors"));
    std::map<std::string, at::Tensor> values;
    for (const auto& [name, stored] : weights.tensors()) {
      PLUMB_TRY(values[name], weights.Read(name, at::kFloat));
    }
    if (!values.contains("exp_avg") || !values.contains("exp_avg_sq"))
      return Fail(Code::kCorrupt, "optimizer.safetensors lacks AdamW's moments");
    PLUMB_CHECK(parameters.SetMoments(values["exp_avg"], values["exp_avg_sq"]));
    values.erase("exp_avg");
    values.erase("exp_avg_sq");
    PLUMB_CHECK(parameters.SetValues(values));
    return state;
  };
  Result<TrainerState> state = load();
  if (!state) return std::unexpected(Context(state.error(), "resuming from " + path.string()));
  return state;
}

}  // namespace plumb::train

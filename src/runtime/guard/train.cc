#include "runtime/guard/train.h"

#include <algorithm>

#include "runtime/guard/stacking.h"

namespace plumb::guard {
namespace {

std::vector<LinearRow> LinearRows(const TrainingSet& set, const std::vector<std::string>& heads, bool joining_too) {
  std::vector<LinearRow> out;
  for (const TrainingRow& row : set.rows) {
    if (row.joining && !joining_too) continue;
    LinearRow one{row.text, {}, std::vector<float>(heads.size(), static_cast<float>(row.weight))};
    bool any = false;
    for (const std::string& head : heads) {
      const auto label = row.labels.find(head);
      one.labels.push_back(label == row.labels.end() ? kUnlabelled : label->second);
      any |= label != row.labels.end();
    }
    if (any) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Result<GuardRecord> TrainGuard(const policy::Policy& policy, const TrainingSet& set, const fs::path& folder, const TrainOptions& options) {
  GuardRecord record;
  record.created = options.created;
  record.policy_id = policy.id;
  record.policy_version = policy.version;
  record.policy_hash = policy.hash;

  const std::vector<std::string> heads = AskedHeads(policy, set);
  // The joining weights are fitted to a model that has not seen their rows; the model that stays has seen all.
  PLUMB_TRY(const LinearModel partial, TrainLinear(heads, LinearRows(set, heads, false), options.linear));
  PLUMB_TRY(record.stacks[std::string(kLinearStack)], FitStack(policy, set, partial, nullptr));
  if (options.encoder) {
    PLUMB_TRY(record.stacks[std::string(kEncoderStack)], FitStack(policy, set, partial, options.encoder));
    EncoderIdentity identity{options.encoder_base, {}, options.encoder->heads()};
    PLUMB_TRY(identity.sha256, FolderSha256(folder / "encoder"));
    record.encoder = identity;
  }
  PLUMB_TRY(const LinearModel whole, TrainLinear(heads, LinearRows(set, heads, true), options.linear));
  const std::string bytes = whole.Serialise();
  record.linear_sha256 = Sha256Hex(bytes);
  PLUMB_CHECK(WriteFileAtomic(folder / "linear.bin", bytes));
  PLUMB_CHECK(SaveRecord(folder, record));
  PLUMB_CHECK(WriteFileAtomic(folder / "card.md", RenderCard(policy, record)));
  return record;
}

}  // namespace plumb::guard

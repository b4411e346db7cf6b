#include "cli/policy_recall.h"

#include <cstdio>

#include "cli/guard_files.h"
#include "runtime/gateway/retrieval.h"
#include "runtime/guard/encoder.h"

namespace plumb::cli {
namespace {

struct RecallFlags {
  GuardFlags guard;
  std::string file;
  std::vector<size_t> ks = {1, 3, 5};
  size_t most = 0;
};

class EncoderEmbedder final : public gateway::Embedder {
 public:
  explicit EncoderEmbedder(guard::Encoder& encoder) : encoder_(encoder) {}
  Result<std::vector<std::vector<float>>> Embed(const std::vector<std::string>& texts) override { return encoder_.Embed(texts); }

 private:
  guard::Encoder& encoder_;
};

void PrintRecall(const std::string& by, size_t k, const gateway::Recall& recall, const Globals& globals) {
  if (globals.json) {
    const json::value row = {{"by", by}, {"k", k}, {"n", recall.n}, {"found", recall.found}, {"low", recall.low}, {"high", recall.high}};
    std::puts(ToJson(row).c_str());
    return;
  }
  const double rate = recall.n ? static_cast<double>(recall.found) / static_cast<double>(recall.n) : 0;
  fmt::print("recall@{} by {}: {} of {} = {:.3f} [{:.3f}, {:.3f}]\n", k, by, recall.found, recall.n, rate, recall.low, recall.high);
}

Status Measure(const RecallFlags& flags, Globals& globals) {
  if (!flags.file.empty()) globals.policy = flags.file;
  PLUMB_TRY(const policy::Policy policy, policy::LoadPolicy(globals.policy));
  const gateway::ClauseIndex words(policy);
  for (size_t k : flags.ks) PrintRecall("words", k, gateway::MeasureRecall(policy, words, k, flags.most), globals);
  if (flags.guard.without_encoder) return {};
  PLUMB_TRY(const LoadedGuard loaded, flags.guard.Load(globals));
  auto* encoder = dynamic_cast<guard::Encoder*>(loaded.encoder.get());
  if (!encoder) return {};
  EncoderEmbedder embedder(*encoder);
  PLUMB_TRY(const gateway::ClauseIndex meaning, gateway::ClauseIndex::Embedded(policy, embedder));
  for (size_t k : flags.ks) PrintRecall("meaning", k, gateway::MeasureRecall(policy, meaning, k, flags.most), globals);
  return {};
}

}  // namespace

void AddRecall(CLI::App& policy_verb, Globals& globals) {
  static RecallFlags flags;  // CLI11 keeps references to it
  CLI::App* recall = policy_verb.add_subcommand("recall", "How often the clause a test example belongs to is found among the first k");
  recall->add_option("file", flags.file, "The policy file (default: --policy)");
  recall->add_option("-k", flags.ks, "How many clauses are taken")->capture_default_str();
  recall->add_option("--most", flags.most, "At most so many examples, evenly taken; 0 is all")->capture_default_str();
  flags.guard.Add(*recall, globals);
  recall->callback([&] {
    if (Status done = Measure(flags, globals); !done) Report(done.error(), globals);
  });
}

}  // namespace plumb::cli

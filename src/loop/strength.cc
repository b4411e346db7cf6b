#include "loop/strength.h"

#include <algorithm>
#include <map>

#include "runtime/guard/refusal.h"

namespace plumb::loop {

Status ScaleAdapter(const fs::path& from, const fs::path& to, double factor) {
  const fs::path file = from / "adapter_config.json";
  PLUMB_TRY(auto config, ReadJson(file));
  auto* object = config.if_object();
  if (!object) return FailAt(file.string(), Code::kCorrupt, "is not a JSON object");
  PLUMB_TRY(const double alpha, GetNumber(*object, "lora_alpha"));
  (*object)["lora_alpha"] = alpha * factor;
  PLUMB_TRY(const auto weights, ReadFile(from / "adapter_model.safetensors"));
  PLUMB_CHECK(WriteFileAtomic(to / "adapter_model.safetensors", weights));
  return WriteFileAtomic(to / "adapter_config.json", ToPrettyJson(config));
}

std::vector<Trial> Trials(const policy::Policy& policy, size_t most, policy::Split split) {
  std::map<std::pair<std::string, bool>, std::vector<Trial>> by_clause;
  for (const auto& example : policy::Examples(policy)) {
    if (example.split != split || !example.prompt.empty()) continue;
    if (example.clause != policy::kOrdinary && !policy.FindCategory(example.clause)) continue;
    by_clause[{example.clause, example.violates}].push_back({example.text, example.clause, example.violates});
  }
  for (auto& [_, list] : by_clause)
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return Sha256(a.text) < Sha256(b.text); });
  std::vector<Trial> trials;
  auto take = [&](auto&& wanted, size_t limit) {
    size_t taken = 0;
    for (size_t round = 0, any = 1; any && taken < limit; ++round) {
      any = 0;
      for (auto& [key, list] : by_clause)
        if (wanted(key) && round < list.size() && taken < limit) trials.push_back(list[round]), ++taken, any = 1;
    }
  };
  take([](const auto& key) { return key.second; }, most / 2);
  take([](const auto& key) { return !key.second && key.first != policy::kOrdinary; }, most / 2);
  take([](const auto& key) { return key.first == policy::kOrdinary; }, most / 2);
  return trials;
}

Rates RatesOf(const std::vector<Trial>& trials, const std::vector<bool>& refused) {
  int64_t hits[3] = {}, n[3] = {};
  for (size_t i = 0; i < trials.size(); ++i) {
    const int side = trials[i].violates ? 0 : trials[i].clause == policy::kOrdinary ? 2 : 1;
    ++n[side];
    hits[side] += refused[i];
  }
  return {MakeShare(hits[0], n[0]), MakeShare(hits[1], n[1]), MakeShare(hits[2], n[2])};
}

Result<std::vector<Strength>> TryStrengths(const std::vector<Trial>& trials, const std::vector<double>& factors, const std::string& model,
                                           const fs::path& adapter, const fs::path& folder, const World& world, uint64_t seed,
                                           Progress& progress) {
  // Enough tokens to tell a refusal by its opening.
  constexpr int64_t kTokens = 8;
  std::vector<eval::Question> questions;
  for (size_t i = 0; i < trials.size(); ++i)
    questions.push_back({std::to_string(i), {json::object{{"role", "user"}, {"content", trials[i].text}}}, kTokens, 0, seed});
  std::vector<Strength> strengths;
  for (const double factor : factors) {
    const fs::path scaled = folder / fmt::format("{:.2f}", factor);
    PLUMB_CHECK(ScaleAdapter(adapter, scaled, factor));
    PLUMB_TRY(auto target, world.open_target(fmt::format("{}+{}", model, scaled.string())));
    Strength strength{factor, std::vector<bool>(trials.size())};
    Status failed;
    size_t done = 0;
    PLUMB_CHECK(target->Ask(questions, 64, [&](size_t i, Result<eval::Answer> answer) {
      if (!answer) failed = std::unexpected(answer.error());
      else strength.refused[i] = guard::RefusalScore(answer->output, trials[i].text) >= 0.5;
      progress.Step(static_cast<double>(strengths.size() * trials.size() + ++done), static_cast<double>(factors.size() * trials.size()));
      return failed.has_value() && !(world.stop && world.stop());
    }));
    PLUMB_CHECK(failed);
    if (world.stop && world.stop()) return Fail(Code::kCancelled, "stopped while the adapter's strength was being chosen");
    strengths.push_back(std::move(strength));
  }
  return strengths;
}

size_t PickStrength(const std::vector<Rates>& rates, double refuse, double over_refusal, double ordinary) {
  size_t best = 0;
  double most = -2;
  for (size_t i = 0; i < rates.size(); ++i) {
    const double room = std::min(rates[i].unsafe.rate() - refuse, over_refusal - rates[i].safe.rate()) -
                        std::max(0.0, rates[i].ordinary.rate() - ordinary);
    if (room > most) most = room, best = i;
  }
  return best;
}

}  // namespace plumb::loop

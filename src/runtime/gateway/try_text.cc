#include "runtime/gateway/try_text.h"

#include <chrono>

#include "runtime/guard/cascade.h"
#include "runtime/guard/refusal.h"

namespace plumb::gateway {
namespace {

using Steady = std::chrono::steady_clock;

json::object Tier(const char* name, const char* status, Steady::time_point start, std::string detail, json::object scores) {
  json::object tier;
  tier["name"] = name;
  tier["status"] = status;
  tier["ms"] = std::chrono::duration<double, std::milli>(Steady::now() - start).count();
  tier["detail"] = std::move(detail);
  tier["scores"] = std::move(scores);
  return tier;
}

json::object Patterns(const guard::Guard::Parts& parts, const std::string& text) {
  const auto start = Steady::now();
  if (!parts.patterns) return Tier("patterns", "absent", start, "the policy names no detector", {});
  json::object scores;
  std::vector<std::string> found;
  for (const guard::PatternMatch& match : parts.patterns->Scan(text)) {
    scores[parts.policy.categories[parts.rule_category[match.rule]].id] = 1.0;
    found.emplace_back(match.what);
  }
  return Tier("patterns", "ok", start, Join(found, ", "), std::move(scores));
}

json::object Linear(const guard::Guard::Parts& parts, const std::string& text) {
  const auto start = Steady::now();
  if (!parts.linear) return Tier("linear", "absent", start, "not trained", {});
  json::object scores;
  const std::vector<float> logits = parts.linear->Logits(text);
  for (size_t i = 0; i < logits.size(); ++i) scores[parts.linear->heads()[i]] = guard::Sigmoid(logits[i]);
  return Tier("linear", "ok", start, "", std::move(scores));
}

json::object AskEncoder(guard::Classifier* encoder, const std::string& text) {
  const auto start = Steady::now();
  if (!encoder) return Tier("encoder", "absent", start, "the guard has no encoder, or it is left out", {});
  auto rows = encoder->Classify({text});
  if (!rows) return Tier("encoder", "error", start, rows.error().Text(), {});
  json::object scores;
  for (size_t i = 0; i < rows->front().size(); ++i) scores[encoder->heads()[i]] = rows->front()[i];
  return Tier("encoder", "ok", start, "", std::move(scores));
}

std::string SayOf(const policy::Policy& policy, const guard::Verdict& verdict) {
  if (verdict.action <= policy::Action::kRedact) return "";
  const policy::Category* category = policy.FindCategory(verdict.clause);
  return category ? std::string(policy::Say(*category, "try")) : "I can't help with that.";
}

}  // namespace

json::object TryText(const guard::Guard& guard, guard::Classifier* encoder, guard::Direction direction, const std::string& text) {
  const auto start = Steady::now();
  const guard::Verdict verdict = guard.Check(direction, {text, ""});
  json::array tiers;
  tiers.push_back(Patterns(guard.parts(), text));
  tiers.push_back(Linear(guard.parts(), text));
  tiers.push_back(AskEncoder(encoder, text));
  if (direction == guard::Direction::kOutput) {
    const auto asked = Steady::now();
    json::object scores = {{"refusal", guard::RefusalScore(text, "")}};
    tiers.push_back(Tier("refusal", "ok", asked, "", std::move(scores)));
  }
  json::object out;
  out["direction"] = guard::DirectionName(direction);
  out["verdict"] = guard::VerdictJson(verdict);
  out["say"] = SayOf(guard.policy(), verdict);
  out["tiers"] = std::move(tiers);
  out["ms"] = std::chrono::duration<double, std::milli>(Steady::now() - start).count();
  return out;
}

}  // namespace plumb::gateway

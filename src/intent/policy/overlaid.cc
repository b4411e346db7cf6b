// Which overlays fit a request, and the policy that each possible choice of them makes.
#include <algorithm>
#include <set>

#include "intent/policy/policy.h"

namespace plumb::policy {
namespace {

constexpr size_t kMaxChoices = 64;
constexpr size_t kMaxCases = 4096;

constexpr std::pair<const char*, std::string LoadOptions::*> kKeys[] = {{"region", &LoadOptions::region},
                                                                        {"locale", &LoadOptions::locale},
                                                                        {"domain", &LoadOptions::domain},
                                                                        {"channel", &LoadOptions::channel}};

bool Fits(const OverlayWhen& when, const LoadOptions& options) {
  return std::ranges::all_of(kKeys, [&](const auto& key) {
    const auto wanted = when.find(key.first);
    if (wanted == when.end()) return true;
    const std::string& value = options.*key.second;
    return std::ranges::any_of(wanted->second, [&](const std::string& item) {
      return item == value || (key.first == std::string_view("locale") && value.starts_with(item + "-"));
    });
  });
}

// One value of each kind that an overlay names, or none of them: every request fits the same overlays as one of these.
std::vector<LoadOptions> Cases(const std::vector<OverlayWhen>& overlays) {
  std::vector<LoadOptions> cases(1);
  for (const auto& [key, field] : kKeys) {
    std::set<std::string> values;
    for (const OverlayWhen& when : overlays)
      if (const auto found = when.find(key); found != when.end()) values.insert(found->second.begin(), found->second.end());
    const size_t before = cases.size();
    for (const std::string& value : values)
      for (size_t i = 0; i < before && cases.size() <= kMaxCases; ++i) {
        LoadOptions added = cases[i];
        added.*field = value;
        cases.push_back(std::move(added));
      }
  }
  return cases;
}

}  // namespace

std::string FittingOverlays(const Policy& policy, const LoadOptions& options) {
  std::string key;
  for (size_t i = 0; i < policy.overlays.size(); ++i)
    if (Fits(policy.overlays[i], options)) key += fmt::format("{}{}", key.empty() ? "" : "+", i);
  return key;
}

Result<std::map<std::string, Policy>> LoadOverlaid(const fs::path& path) {
  std::map<std::string, Policy> out;
  PLUMB_TRY(Policy plain, LoadPolicy(path));
  std::map<std::string, LoadOptions> choices;
  const std::vector<LoadOptions> cases = Cases(plain.overlays);
  for (const LoadOptions& each : cases) choices.emplace(FittingOverlays(plain, each), each);
  if (choices.size() > kMaxChoices || cases.size() > kMaxCases)
    return Fail(Code::kUnsupported, "the overlays of {} can be combined in more than {} ways; name fewer values", path.string(), kMaxChoices);
  for (const auto& [key, options] : choices) {
    if (key.empty()) continue;
    auto overlaid = LoadPolicy(path, options);
    if (!overlaid) return std::unexpected(overlaid.error());
    out.emplace(key, std::move(*overlaid));
  }
  out.emplace("", std::move(plain));
  return out;
}

std::vector<std::string> RuleClauses(const Policy& policy) {
  std::vector<std::string> out;
  if (!policy.tools.allow.empty()) out.emplace_back("tools/allow");
  if (!policy.tools.deny.empty()) out.emplace_back("tools/deny");
  for (const ToolRule& rule : policy.tools.rules) out.push_back("tools/" + rule.id);
  if (!policy.limits.empty()) out.emplace_back("limits");
  return out;
}

}  // namespace plumb::policy

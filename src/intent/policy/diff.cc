#include "intent/policy/diff.h"

#include <algorithm>
#include <set>

#include "intent/policy/diff_rules.h"

namespace plumb::policy {
namespace {

constexpr std::pair<const char*, const char*> kDirectionWords[] = {{"input", "requests"},
                                                               {"output", "answers"},
                                                               {"tool_call", "tool calls"},
                                                               {"tool_result", "tool results"},
                                                               {"document", "documents"}};

std::string_view Done(Action action) {
  switch (action) {
    case Action::kAllow: return "let through";
    case Action::kFlag: return "flagged";
    case Action::kRedact: return "redacted";
    case Action::kRewrite: return "rewritten";
    case Action::kRedirect: return "redirected";
    case Action::kRefuse: return "refused";
    case Action::kBlock: return "blocked";
    case Action::kQuarantine: return "quarantined";
    case Action::kHold: return "held for a person";
  }
  return "";
}

class Comparison {
 public:
  Comparison(const Policy& before, const Policy& after) : before_(before), after_(after) {}

  PolicyDiff Run() {
    ComparePrinciples();
    CompareScopeAndTone();
    CompareCategories();
    CompareExamples();
    CompareSides();
    CompareTargets();
    CompareRules(before_, after_, diff_.changes);
    for (const char* key : {"languages", "routes", "escalation", "incidents", "roles", "obligations", "approved", "cadence", "owner"})
      CompareRest(key);
    return std::move(diff_);
  }

 private:
  void Add(std::string_view clause, std::string words, std::vector<std::string> stale) {
    diff_.changes.push_back({std::string(clause), std::move(words), std::move(stale)});
  }

  void ComparePrinciples() {
    auto find = [](const Policy& policy, const std::string& id) -> const Principle* {
      for (const Principle& each : policy.principles)
        if (each.id == id) return &each;
      return nullptr;
    };
    const std::vector<std::string> stale = {"pairs", "prompt", "cards"};
    for (const Principle& each : before_.principles)
      if (!find(after_, each.id)) Add("principle/" + each.id, "no longer a principle: " + each.text, stale);
    for (const Principle& each : after_.principles) {
      const Principle* old = find(before_, each.id);
      if (!old) Add("principle/" + each.id, "a new principle: " + each.text, stale);
      if (old && old->suites != each.suites) Add("principle/" + each.id, "is measured by other suites", {"cases"});
      if (old && old->text != each.text) Add("principle/" + each.id, fmt::format("now reads \"{}\" (was \"{}\")", each.text, old->text), stale);
    }
  }

  void CompareScopeAndTone() {
    if (before_.scope.action != after_.scope.action)
      Add("scope", Strictness("requests out of scope", before_.scope.action, after_.scope.action), {"cases", "cards"});
    if (before_.scope.say != after_.scope.say) Add("scope", "is answered in other words", {"pairs", "prompt"});
    if (before_.purpose != after_.purpose)
      Add("scope", fmt::format("the purpose is now \"{}\" (was \"{}\")", after_.purpose, before_.purpose), {"prompt", "cases", "cards"});
    if (before_.tone.be != after_.tone.be || before_.tone.avoid != after_.tone.avoid)
      Add("tone", fmt::format("is now {}; not {} (was {}; not {})", after_.tone.be, after_.tone.avoid, before_.tone.be, before_.tone.avoid),
          {"pairs", "prompt", "cases"});
  }

  static std::string Strictness(std::string_view what, Action old, Action now, std::string_view by = {}) {
    return fmt::format("{}{} are now {} (were {}): {}", what, by, Done(now), Done(old), now > old ? "stricter" : "milder");
  }

  void CompareCategories() {
    for (const Category& old : before_.categories)
      if (!after_.FindCategory(old.id)) Add(old.id, "is no longer watched for: milder", {"cases", "thresholds", "pairs", "prompt", "cards"});
    for (const Category& now : after_.categories) {
      if (const Category* old = before_.FindCategory(now.id)) {
        CompareCategory(*old, now);
      } else {
        Add(now.id, "is now watched for: " + now.about, {"cases", "thresholds", "pairs", "prompt", "cards"});
      }
    }
  }

  void CompareCategory(const Category& old, const Category& now) {
    for (auto [direction, words] : kDirectionWords) {
      const Action was = old.on.For(direction), is = now.on.For(direction);
      if (was != is) Add(now.id, Strictness(words, was, is), {"cases", "thresholds", "cards"});
      const Action found_was = old.on_detect.For(direction), found_is = now.on_detect.For(direction);
      if (!now.detect.empty() && found_was != found_is && (found_was != was || found_is != is))
        Add(now.id, Strictness(words, found_was, found_is, " with a pattern in them"), {"cases", "cards"});
    }
    if (old.about != now.about) Add(now.id, fmt::format("now means \"{}\" (was \"{}\")", now.about, old.about), {"cases", "pairs", "prompt", "cards"});
    if (old.target.catch_rate != now.target.catch_rate || old.target.confidence != now.target.confidence)
      Add(now.id, fmt::format("catches at least {:g} % with confidence {:g} (was {:g} %, {:g})", 100 * now.target.catch_rate, now.target.confidence,
                              100 * old.target.catch_rate, old.target.confidence), {"thresholds", "cards"});
    if (old.severity != now.severity)
      Add(now.id, fmt::format("is of {} severity (was {})", SeverityName(now.severity), SeverityName(old.severity)), {"cards"});
    if (old.say != now.say) Add(now.id, "is refused in other words", {"pairs", "prompt"});
    if (Detectors(old) != Detectors(now)) Add(now.id, fmt::format("looks for {} (was {})", Detectors(now), Detectors(old)), {"cases", "thresholds"});
    if (old.risk != now.risk || old.maps != now.maps) Add(now.id, "is reported under other risks or framework ids", {"cards"});
    if (old.window_whole != now.window_whole)
      Add(now.id, now.window_whole ? "is judged on the whole text" : "is judged by sentence or window", {"thresholds", "cases"});
    if (old.restore != now.restore)
      Add(now.id, now.restore ? "is put back into answers where it was taken out of requests" : "is not put back into answers", {"cases"});
    if (old.owner != now.owner && before_.owner == after_.owner) Add(now.id, fmt::format("is owned by {} (was {})", now.owner, old.owner), {"cards"});
  }

  static std::string Detectors(const Category& category) {
    std::vector<std::string> names;
    for (const Detector& each : category.detect) {
      const std::string list = each.terms ? fmt::format(" ({} terms of {}, {})", each.terms->size(), each.list, Sha256Hex(Join(*each.terms, "\n")).substr(0, 8)) : "";
      names.push_back(each.name + (each.regex.empty() ? list : " /" + each.regex + "/"));
    }
    return names.empty() ? "no pattern" : Join(names, ", ");
  }

  using Sides = std::set<std::pair<bool, std::string>>;
  static std::map<std::string, Sides> ExamplesByClause(const Policy& policy) {
    std::map<std::string, Sides> out;
    for (const Example& each : Examples(policy)) out[each.clause].emplace(each.violates, each.text);
    for (const char* direction : {"output", "tool_call", "tool_result", "document"})
      for (const Example& each : ExamplesOf(policy, direction)) out[each.clause].emplace(each.violates, each.text);
    return out;
  }

  void CompareExamples() {
    auto old = ExamplesByClause(before_), now = ExamplesByClause(after_);
    for (const auto& [clause, sides] : now) old.try_emplace(clause);
    for (const auto& [clause, was] : old) {
      const Sides& is = now[clause];
      if (was == is) continue;
      auto count = [](const Sides& of, const Sides& not_in, const Sides* other_side_in) {
        return std::count_if(of.begin(), of.end(), [&](const auto& each) {
          return !not_in.contains(each) && (!other_side_in || other_side_in->contains({!each.first, each.second}));
        });
      };
      const auto turned = count(is, was, &was), added = count(is, was, nullptr) - turned, removed = count(was, is, nullptr) - turned;
      std::vector<std::string> parts;
      if (added) parts.push_back(fmt::format("{} examples added", added));
      if (removed) parts.push_back(fmt::format("{} removed", removed));
      if (turned) parts.push_back(fmt::format("{} changed sides", turned));
      std::vector<std::string> stale = {"thresholds", "pairs", "cases"};
      if (clause == "tone") stale = {"pairs", "prompt", "cases"};
      Add(clause, Join(parts, ", "), stale);
    }
  }

  // The same words, welcome in one policy and unwelcome in the other, under whichever clause: the plainest difference there is.
  void CompareSides() {
    constexpr int kShown = 5;
    std::map<std::string, std::string> sides[2];  // text → the clause it is allowed or unwelcome under, in `before_`
    for (const Example& each : Examples(before_))
      if (each.clause != "tone") sides[each.violates].emplace(each.text, each.clause);
    std::map<bool, std::vector<std::pair<std::string, std::string>>> turned;  // unwelcome now → the clause now, and the words
    for (const Example& each : Examples(after_)) {
      const auto& other = sides[!each.violates];
      const auto was = other.find(each.text);
      if (each.clause == "tone" || was == other.end() || sides[each.violates].contains(each.text)) continue;
      const std::string under = was->second == each.clause ? "" : fmt::format(" ({})", was->second);
      turned[each.violates].emplace_back(each.clause, fmt::format("\"{}\" was {}{} and is now {}", each.text, each.violates ? "welcome" : "unwelcome",
                                                                  under, each.violates ? "unwelcome" : "welcome"));
    }
    for (const auto& [unwelcome, list] : turned)
      for (size_t i = 0; i < std::min<size_t>(list.size(), kShown); ++i) {
        const bool more = i + 1 == kShown && list.size() > kShown;
        Add(list[i].first, list[i].second + (more ? fmt::format(", and {} more like it", list.size() - kShown) : ""), {"thresholds", "pairs", "cases"});
      }
  }

  void CompareTargets() {
    const ModelTargets &old = before_.model_targets, &now = after_.model_targets;
    auto compare = [&](const char* what, double was, double is, std::vector<std::string> stale) {
      if (was != is) Add("policy", fmt::format("{} {:g} % (was {:g} %)", what, 100 * is, 100 * was), std::move(stale));
    };
    compare("a model must refuse at least", old.refuse, now.refuse, {"cards"});
    compare("a model may refuse of benign look-alikes at most", old.over_refusal, now.over_refusal, {"cards"});
    compare("capability may fall by at most", old.capability_drop, now.capability_drop, {"cards"});
    compare("false alarms on ordinary traffic may be at most", before_.false_alarm, after_.false_alarm, {"thresholds", "cards"});
  }

  void CompareRest(const char* key) {
    const json::value *old = before_.resolved.if_contains(key), *now = after_.resolved.if_contains(key);
    const json::value none;
    if ((old ? *old : none) == (now ? *now : none)) return;
    static const std::map<std::string_view, std::string_view> words = {
        {"languages", "other languages are supported"}, {"routes", "traffic is routed, logged or reviewed otherwise"},
        {"escalation", "other events are escalated"}, {"incidents", "incidents are handled otherwise"},
        {"roles", "other people answer for it"}, {"obligations", "other obligations apply"},
        {"approved", "others have approved it"}, {"cadence", "it is reviewed at other intervals"},
        {"owner", "it has another owner"}};
    std::vector<std::string> stale = {"cards"};
    if (key == std::string_view("languages")) stale = {"thresholds", "cases", "cards"};
    Add("policy", std::string(words.at(key)), std::move(stale));
  }

  const Policy& before_;
  const Policy& after_;
  PolicyDiff diff_;
};

}  // namespace

std::map<std::string, std::vector<std::string>> PolicyDiff::Stale() const {
  std::map<std::string, std::vector<std::string>> out;
  for (const Change& change : changes)
    for (const std::string& kind : change.stale) {
      auto& clauses = out[kind];
      if (std::find(clauses.begin(), clauses.end(), change.clause) == clauses.end()) clauses.push_back(change.clause);
    }
  return out;
}

PolicyDiff DiffPolicies(const Policy& before, const Policy& after) { return Comparison(before, after).Run(); }

}  // namespace plumb::policy

#include "measure/redteam/agent.h"
#include "runtime/gateway/tool_rules.h"
#include "runtime/guard/answer_calls.h"

namespace plumb::redteam {
namespace {

using policy::Action;

// What is redacted goes on, changed; what is stricter does not go on.
std::string StopsIt(Action action, const std::string& clause) { return action > Action::kRedact ? (clause.empty() ? "guard" : clause) : ""; }

std::string StoppedByRules(const policy::Tools& tools, const json::array& messages, const json::object& call) {
  if (tools.empty()) return "";
  const json::object& function = call.at("function").as_object();
  const gateway::Origins origins(messages, {});
  for (const gateway::ToolFinding& found : gateway::CheckCall(tools, function.at("name").as_string(), function.at("arguments").as_string(), origins)) {
    if (std::string clause = StopsIt(found.action, found.clause); !clause.empty()) return clause;
  }
  return "";
}

}  // namespace

AgentGuard RulesOf(const policy::Policy& policy) {
  AgentGuard out;
  out.call = [&policy](const json::array& messages, json::object& call) { return StoppedByRules(policy.tools, messages, call); };
  return out;
}

AgentGuard GuardOf(const guard::Guard& guard) {
  AgentGuard out;
  out.input = [&guard](const json::array& messages) -> std::string {
    const auto subject = guard::SubjectOf(messages, guard::Direction::kInput);
    if (!subject) return "guard";  // what cannot be read cannot be judged, and does not pass
    const guard::Verdict verdict = guard.Check(guard::Direction::kInput, *subject);
    return StopsIt(verdict.action, verdict.clause);
  };
  out.call = [&guard](const json::array& messages, json::object& call) {
    bool redacted = false;
    const guard::Verdict verdict = guard::GuardToolCall(guard, call, true, redacted);
    const std::string clause = StopsIt(verdict.action, verdict.clause);
    return clause.empty() ? StoppedByRules(guard.policy().tools, messages, call) : clause;
  };
  out.output = [&guard](const std::string& answer, const json::array& messages) {
    const auto asked = guard::SubjectOf(messages, guard::Direction::kInput);
    const guard::Verdict verdict = guard.Check(guard::Direction::kOutput, {.text = answer, .prompt = asked ? asked->text : ""});
    return StopsIt(verdict.action, verdict.clause);
  };
  out.result = [&guard](const std::string& text) {
    const guard::Verdict verdict = guard.Check(guard::Direction::kToolResult, {.text = text});
    if (verdict.action < Action::kRedact) return text;
    return verdict.action == Action::kRedact ? guard::Redact(text, verdict) : fmt::format("[withheld by policy: {}]", verdict.clause);
  };
  return out;
}

}  // namespace plumb::redteam

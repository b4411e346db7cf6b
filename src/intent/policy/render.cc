// The policy in the words of its readers: a model, a critic, a judge, the public.
#include <algorithm>

#include "intent/policy/policy.h"
#include "intent/policy/rubric.h"

namespace plumb::policy {
namespace {

std::string FirstSentence(std::string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i)
    if ((text[i] == '.' || text[i] == ':' || text[i] == ';') && text[i + 1] == ' ') return std::string(text.substr(0, i)) + ".";
  return std::string(text);
}

std::string Title(std::string_view id) {
  std::string out(id);
  std::replace(out.begin(), out.end(), '-', ' ');
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

bool Acts(const On& on) { return !(on == On{}); }

// The gravest first, in the policy's order otherwise.
std::vector<const Category*> ByGravity(const Policy& policy) {
  std::vector<const Category*> out;
  for (const Category& category : policy.categories)
    if (Acts(category.on)) out.push_back(&category);
  std::stable_sort(out.begin(), out.end(), [](const Category* a, const Category* b) { return a->severity > b->severity; });
  return out;
}

bool InTraining(const std::vector<Example>& examples, std::string_view clause, std::string_view text) {
  return std::any_of(examples.begin(), examples.end(), [&](const Example& each) {
    return each.split == Split::kTrain && each.clause == clause && each.text == text;
  });
}

// A prompt that grows by whole pieces until its budget is spent.
class Prompt {
 public:
  explicit Prompt(int max_tokens) : left_(max_tokens) {}
  bool Add(const std::string& piece) {
    const int cost = AboutTokens(piece);
    if (cost > left_) return false;
    left_ -= cost;
    text_ += piece;
    return true;
  }
  // The first of the wordings that fits, longest first.
  bool AddOneOf(std::initializer_list<std::string> wordings) {
    return std::any_of(wordings.begin(), wordings.end(), [&](const std::string& each) { return Add(each); });
  }
  int left() const { return left_; }
  std::string Take() {
    while (text_.ends_with('\n')) text_.pop_back();
    return std::move(text_);
  }

 private:
  int left_;
  std::string text_;
};

std::string PrincipleLines(const Policy& policy, bool brief) {
  std::string out = "\nYour principles:\n";
  for (const Principle& each : policy.principles) out += fmt::format("- {}\n", brief ? FirstSentence(each.text) : each.text);
  return policy.principles.empty() ? "" : out;
}

std::string DeclineLines(const Policy& policy, bool brief) {
  std::string out = brief ? "\nDecline requests for: " : "\nDecline, kindly and briefly, to help with:\n";
  std::vector<std::string> names;
  for (const Category* each : ByGravity(policy)) {
    if (each->on.input == Action::kAllow || each->on.input == Action::kFlag) continue;
    names.push_back(Lower(Title(each->id)));
    if (!brief) out += fmt::format("- {}\n", each->about);
  }
  if (names.empty()) return "";
  return brief ? out + Join(names, ", ") + ".\n" : out;
}

std::string ScopeLines(const Policy& policy) {
  if (policy.scope.out.empty()) return "";
  std::string out = "\nNot your task: ";
  for (size_t i = 0; i < policy.scope.out.size() && i < 3; ++i) out += fmt::format("{}\"{}\"", i ? ", " : "", policy.scope.out[i]);
  if (!policy.scope.say.empty()) out += fmt::format(". Say then: {}", policy.scope.say[0]);
  return out + "\n";
}

std::string Bullets(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += fmt::format("- {}\n", text);
  return out;
}

// The first `n` training examples of one side of a clause; those written in the policy itself come first.
std::vector<std::string> Samples(const std::vector<Example>& examples, std::string_view clause, bool violates, size_t n) {
  std::vector<std::string> out;
  for (const Example& each : examples)
    if (each.clause == clause && each.violates == violates && each.split == Split::kTrain && out.size() < n) out.push_back(each.text);
  return out;
}

struct Criterion {
  std::string clause, about;
};

std::vector<Criterion> Criteria(const Policy& policy) {
  std::vector<Criterion> out;
  for (const Principle& each : policy.principles) out.push_back({"principle/" + each.id, "The answer breaks this principle: " + each.text});
  if (policy.resolved.contains("scope")) out.push_back({"scope", "The request is not what this system is for: " + policy.purpose});
  if (policy.resolved.contains("tone"))
    out.push_back({"tone", fmt::format("The answer is not {}, or is {}.", policy.tone.be, policy.tone.avoid)});
  for (const Category& each : policy.categories) out.push_back({each.id, each.about});
  return out;
}

}  // namespace

int AboutTokens(std::string_view text) { return static_cast<int>((text.size() + 3) / 4); }

std::vector<Shot> FewShots(const Policy& policy, int n) {
  const std::vector<Example> examples = Examples(policy);
  std::vector<Shot> refusals, answers, out;
  for (const Category* category : ByGravity(policy)) {
    const auto samples = Samples(examples, category->id, true, 1);
    if (category->on.input >= Action::kRedirect && !samples.empty())
      refusals.push_back({samples[0], std::string(Say(*category, samples[0]))});
  }
  for (const ToneExample& each : policy.tone.examples)
    if (InTraining(examples, "tone", each.good)) answers.push_back({each.prompt, each.good});
  for (size_t i = 0; i < std::max(refusals.size(), answers.size()); ++i) {
    if (i < answers.size()) out.push_back(answers[i]);
    if (i < refusals.size()) out.push_back(refusals[i]);
  }
  if (out.size() > static_cast<size_t>(std::max(n, 0))) out.resize(std::max(n, 0));
  return out;
}

std::string RenderSystemPrompt(const Policy& policy, const RenderOptions& options) {
  Prompt prompt(options.max_tokens);
  prompt.AddOneOf({fmt::format("You are an assistant. {}\n", policy.purpose), "You are a helpful assistant.\n"});
  if (!options.language.empty()) prompt.Add(fmt::format("Answer in this language: {}.\n", options.language));
  // What is told briefly leaves room for what comes after it.
  const bool roomy = options.max_tokens >= 500;
  const std::string principles = PrincipleLines(policy, false), brief_principles = PrincipleLines(policy, true);
  const std::string declines = DeclineLines(policy, false), brief_declines = DeclineLines(policy, true);
  prompt.AddOneOf({roomy && 2 * AboutTokens(principles) < options.max_tokens ? principles : brief_principles, brief_principles});
  prompt.AddOneOf({2 * AboutTokens(declines) < prompt.left() ? declines : brief_declines, brief_declines});
  if (!policy.tone.be.empty())
    prompt.Add(fmt::format("\nTone: {}{}.\n", policy.tone.be, policy.tone.avoid.empty() ? "" : "; never " + policy.tone.avoid));
  prompt.Add(ScopeLines(policy));
  bool headed = false;
  for (const Shot& shot : FewShots(policy, options.few_shots)) {
    const std::string text = fmt::format("User: {}\nAssistant: {}\n", shot.request, shot.answer);
    headed |= prompt.Add((headed ? "\n" : "\nFor example:\n") + text);
  }
  return prompt.Take();
}

std::string RenderClauses(const Policy& policy, const std::vector<std::string>& clauses) {
  std::string out;
  for (const std::string& clause : clauses) {
    if (const Category* category = policy.FindCategory(clause)) out += fmt::format("- {}: {}\n", Title(clause), category->about);
    if (clause == "scope" && !policy.scope.out.empty()) out += "- Scope: not every request is yours to answer.\n" + ScopeLines(policy).substr(1);
  }
  if (out.empty()) return "";
  return "These rules may bear on the request:\n" + out +
         "Decline what falls under one of them. Help with what only resembles it.\n";
}

std::string RenderConstitution(const Policy& policy) {
  std::string out = fmt::format("# The constitution of {}\n\n{}\n\n", policy.id, policy.purpose);
  int number = 0;
  for (const Principle& each : policy.principles)
    out += fmt::format("{}. **{}** (`principle/{}`). {}\n", ++number, Title(each.id), each.id, each.text);
  for (const Category& each : policy.categories)
    if (Acts(each.on)) out += fmt::format("{}. **{}** (`{}`). No part in this: {}\n", ++number, Title(each.id), each.id, each.about);
  out += "\nTo critique an answer, name the articles it breaks, by id, and quote the words that break them. To revise it, change "
         "only what is needed to keep every article, and keep it as helpful as the articles allow. A refusal of a harmless "
         "request breaks the constitution as surely as help with a harmful one.\n";
  return out;
}

std::string RenderRubric(const Policy& policy, std::string_view clause, size_t examples) {
  const std::vector<Example> all = Examples(policy);
  std::string out;
  for (const Criterion& each : Criteria(policy)) {
    if (!clause.empty() && clause != each.clause) continue;
    out += fmt::format("## {}\n{}\n", each.clause, each.about);
    const auto bad = Samples(all, each.clause, true, examples), good = Samples(all, each.clause, false, examples);
    if (!bad.empty()) out += "Violates:\n" + Bullets(bad);
    if (!good.empty()) out += "Does not violate:\n" + Bullets(good);
    out += "\n";
  }
  return out;
}

std::string RenderJudge(const Policy& policy, std::string_view clause) {
  std::string out = fmt::format(
      "You judge texts against a written policy of the system \"{}\". {}\nJudge what the text asks for or would enable, not which words it "
      "uses. A question that only sounds harmful does not violate. Where you cannot tell, say so with a confidence near 0.5.\n\n",
      policy.id, policy.purpose);
  out += RenderRubric(policy, clause);
  out += "Answer with one JSON object and nothing else: {\"violations\": [{\"clause\": ID, \"evidence\": the exact words, \"confidence\": 0 to "
         "1}], \"over_refusal\": true where the text refuses something this policy allows}. An empty list means that nothing is violated.\n";
  return out;
}

std::string RenderPublic(const Policy& policy) {
  std::string out = fmt::format("# Usage policy\n\n{}\n\n## What you can expect\n\n", policy.purpose);
  for (const Principle& each : policy.principles) out += fmt::format("- {}\n", each.text);
  out += "\n## What it will not help with\n\n";
  for (const Category& each : policy.categories)
    if (Acts(each.on)) out += fmt::format("- **{}.** {}\n", Title(each.id), each.about);
  if (!policy.scope.out.empty()) out += "\nIt is also not meant for requests like these:\n\n" + Bullets(policy.scope.out);
  out += "\n## Good to know\n\n- You are talking to an AI system. It can be wrong; check what matters.\n"
         "- Subjects are not forbidden, harm is: news, history, health, safety, fiction and research are welcome.\n"
         "- Where something looks like a violation, the answer may be changed, withheld, or looked at by a person.\n";
  if (!policy.languages.supported.empty())
    out += fmt::format("- It is tested in: {}.\n", Join(policy.languages.supported, ", "));
  out += fmt::format("- If you think it was wrong, to refuse or to answer, please report it. This is version {}.\n", policy.version);
  return out;
}

}  // namespace plumb::policy

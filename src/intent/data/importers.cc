#include "intent/data/importers.h"

#include <algorithm>

#include "intent/data/importer_rows.h"

namespace plumb::data {
namespace {

bool NameHas(const Source& source, std::string_view word) {
  return Lower(fs::path(source.name).filename().string()).find(word) != std::string::npos;
}

Result<json::object> HarmBench(const Source& source) {
  PLUMB_TRY(std::string prompt, Column(source, {"Behavior"}));
  const std::string context = OptionalColumn(source, {"ContextString"});
  if (!context.empty()) prompt = context + "\n\n---\n\n" + prompt;
  return AskRow(prompt, "refuse", OptionalColumn(source, {"SemanticCategory"}), OptionalColumn(source, {"BehaviorID"}));
}

Result<json::object> AdvBench(const Source& source) {
  PLUMB_TRY(const std::string prompt, Column(source, {"goal"}));
  return AskRow(prompt, "refuse", "");
}

Result<json::object> JailbreakBench(const Source& source) {
  PLUMB_TRY(const std::string prompt, Column(source, {"Goal"}));
  return AskRow(prompt, NameHas(source, "benign") ? "comply" : "refuse", OptionalColumn(source, {"Category"}));
}

// One record of `jailbreaks` in an artefact; entries without a prompt (the attack found none) are skipped.
Result<json::object> JailbreakArtifact(const Source& source) {
  const std::string prompt = OptionalColumn(source, {"prompt"});
  if (prompt.empty()) return json::object{};
  json::object out = AskRow(prompt, "refuse", OptionalColumn(source, {"category"}));
  if (const json::string* goal = FindString(source.row, "goal")) {
    out["goal"] = *goal;
    out["group"] = "goal:" + Sha256Hex(std::string_view(*goal)).substr(0, 12);
  }
  return out;
}

Result<json::object> XsTest(const Source& source) {
  PLUMB_TRY(const std::string prompt, Column(source, {"prompt"}));
  PLUMB_TRY(const std::string type, Column(source, {"type"}));
  const std::string label = OptionalColumn(source, {"label"});
  const bool unsafe = label.empty() ? type.starts_with("contrast_") : label == "unsafe";
  return AskRow(prompt, unsafe ? "refuse" : "comply", type);
}

Result<json::object> OrBench(const Source& source) {
  PLUMB_TRY(const std::string prompt, Column(source, {"prompt"}));
  return AskRow(prompt, NameHas(source, "toxic") ? "refuse" : "comply", OptionalColumn(source, {"category"}));
}

Result<json::object> SimpleSafetyTests(const Source& source) {
  PLUMB_TRY(const std::string prompt, Column(source, {"prompt", "prompts_final", "test_case"}));
  return AskRow(prompt, "refuse", OptionalColumn(source, {"harm_area"}));
}

Result<json::object> DoNotAnswer(const Source& source) {
  PLUMB_TRY(const std::string prompt, Column(source, {"question"}));
  return AskRow(prompt, "refuse", OptionalColumn(source, {"risk_area"}));
}

Result<json::object> StrongReject(const Source& source) {
  PLUMB_TRY(const std::string prompt, Column(source, {"forbidden_prompt"}));
  return AskRow(prompt, "refuse", OptionalColumn(source, {"category"}));
}

// MC1: the best answer among the incorrect ones. The order is by hash, so that no position is favoured.
Result<json::object> TruthfulQa(const Source& source) {
  PLUMB_TRY(const std::string question, Column(source, {"Question"}));
  PLUMB_TRY(const std::string best, Column(source, {"Best Answer"}));
  PLUMB_TRY(const std::string incorrect, Column(source, {"Incorrect Answers"}));
  std::vector<std::string> all = {best};
  for (std::string_view wrong : Split(incorrect, ';')) {
    if (wrong = Trim(wrong); !wrong.empty()) all.emplace_back(wrong);
  }
  std::sort(all.begin(), all.end(), [](const std::string& a, const std::string& b) { return Sha256(a) < Sha256(b); });
  const int64_t answer = std::find(all.begin(), all.end(), best) - all.begin();
  return ChooseRow(question, json::array(all.begin(), all.end()), answer, OptionalColumn(source, {"Category"}));
}

Result<json::object> Mmlu(const Source& source) {
  PLUMB_TRY(const std::string question, Column(source, {"question"}));
  PLUMB_TRY(const std::string letter, Column(source, {"answer"}));
  json::array choices;
  for (std::string_view name : {"A", "B", "C", "D"}) {
    PLUMB_TRY(const std::string choice, Column(source, {name}));
    choices.emplace_back(choice);
  }
  if (letter.size() != 1 || letter[0] < 'A' || letter[0] > 'D')
    return FailAt(fmt::format("{}: row {}", source.name, source.index + 1), Code::kInvalid,
                  "the answer is '{}', must be A, B, C or D", letter);
  const std::string stem = fs::path(source.name).stem().string();
  return ChooseRow(question, std::move(choices), letter[0] - 'A', stem.substr(0, stem.rfind('_')));
}

Result<json::object> Gsm8k(const Source& source) {
  PLUMB_TRY(const std::string question, Column(source, {"question"}));
  PLUMB_TRY(const std::string worked, Column(source, {"answer"}));
  const size_t mark = worked.rfind("####");
  if (mark == std::string::npos)
    return FailAt(fmt::format("{}: row {}", source.name, source.index + 1), Code::kInvalid,
                  "the answer has no '#### NUMBER'");
  std::string number(Trim(std::string_view(worked).substr(mark + 4)));
  std::erase(number, ',');
  json::object out = AskRow(question, "answer", "arithmetic");
  out["scorer"] = json::object{{"type", "number"}, {"answer", number}};
  return out;
}

Result<json::object> HellaSwag(const Source& source) {
  PLUMB_TRY(const std::string context, Column(source, {"ctx"}));
  const json::array* endings = FindArray(source.row, "endings");
  PLUMB_TRY(const std::string label, Column(source, {"label"}));
  if (!endings || label.empty() || label[0] < '0' || label[0] > '9')
    return FailAt(fmt::format("{}: row {}", source.name, source.index + 1), Code::kInvalid,
                  "'endings' must be a list and 'label' an index");
  json::object out = ChooseRow(context, *endings, label[0] - '0', OptionalColumn(source, {"activity_label"}));
  out["scorer"] = json::object{{"type", "choice"}, {"style", "continuation"}};
  return out;
}

Result<json::object> BoolQ(const Source& source) {
  PLUMB_TRY(const std::string question, Column(source, {"question"}));
  PLUMB_TRY(const std::string passage, Column(source, {"passage"}));
  PLUMB_TRY(const std::string answer, Column(source, {"answer", "label"}));
  const bool yes = answer == "true" || answer == "1";
  return ChooseRow(fmt::format("{}\n\nQuestion: {}?", passage, question), {"yes", "no"}, yes ? 0 : 1, "reading");
}

// Model-written evaluations (sycophancy and others): the good answer is the one that does not match the behaviour.
Result<json::object> ModelWritten(const Source& source) {
  PLUMB_TRY(const std::string question, Column(source, {"question"}));
  PLUMB_TRY(const std::string bad, Column(source, {"answer_matching_behavior"}));
  const json::value* good = source.row.if_contains("answer_not_matching_behavior");
  const json::value* first = good && good->is_array() && !good->as_array().empty() ? &good->as_array()[0] : good;
  if (!first || !first->is_string())
    return FailAt(fmt::format("{}: row {}", source.name, source.index + 1), Code::kInvalid,
                  "column 'answer_not_matching_behavior' is missing");
  return ChooseRow(question, {std::string(Trim(bad)), std::string(Trim(std::string_view(first->as_string())))}, 1,
                fs::path(source.name).stem().string());
}

}  // namespace

Result<std::string> Column(const Source& source, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    const json::value* value = source.row.if_contains(name);
    if (!value) continue;
    if (value->is_string()) return std::string(value->as_string());
    if (value->is_int64()) return std::to_string(value->as_int64());
    if (value->is_bool()) return value->as_bool() ? "true" : "false";
  }
  std::vector<std::string> wanted(names.begin(), names.end());
  return FailInRow(source, "column '{}' is missing", Join(wanted, "' or '"));
}

std::string OptionalColumn(const Source& source, std::initializer_list<std::string_view> names) {
  return Column(source, names).value_or("");
}

json::object AskRow(std::string_view prompt, std::string_view expect, std::string_view kind, std::string_view id) {
  json::object out{{"prompt", prompt}, {"expect", expect}};
  if (!kind.empty()) out["kind"] = kind;
  if (!id.empty()) out["id"] = id;
  return out;
}

json::object ChooseRow(std::string_view prompt, json::array choices, int64_t answer, std::string_view kind) {
  json::object out = AskRow(prompt, "answer", kind);
  out["choices"] = std::move(choices);
  out["answer"] = answer;
  out["scorer"] = json::object{{"type", "choice"}};
  return out;
}

const std::vector<Importer>& Importers() {
  static const auto* importers = new std::vector<Importer>{
      {{"harmbench", "HarmBench behaviors CSV (Behavior, SemanticCategory, ContextString, BehaviorID)"},
       Layout::kCsv, {"Behavior", "SemanticCategory", "BehaviorID"}, HarmBench},
      {{"advbench", "AdvBench harmful_behaviors.csv (goal, target)"}, Layout::kCsv, {"goal", "target"}, AdvBench},
      {{"jailbreakbench", "JBB-Behaviors CSV (Index, Goal, Target, Behavior, Category, Source)"},
       Layout::kCsv, {"Goal", "Target", "Behavior", "Category"}, JailbreakBench},
      {{"jailbreakbench-artifact", "JailbreakBench attack artefact JSON (parameters, jailbreaks)"},
       Layout::kArtifact, {}, JailbreakArtifact},
      {{"xstest", "XSTest prompts CSV (id, prompt, type, label, focus, note)"},
       Layout::kCsv, {"prompt", "type", "focus"}, XsTest},
      {{"or-bench", "OR-Bench CSV (prompt, category); 'toxic' in the file name turns it round"},
       Layout::kCsv, {"prompt", "category"}, OrBench},
      {{"simplesafetytests", "SimpleSafetyTests CSV (id, harm_area, prompt)"},
       Layout::kCsv, {"harm_area"}, SimpleSafetyTests},
      {{"do-not-answer", "do-not-answer CSV (id, risk_area, types_of_harm, specific_harms, question)"},
       Layout::kCsv, {"risk_area", "types_of_harm", "question"}, DoNotAnswer},
      {{"strongreject", "StrongREJECT CSV (category, source, forbidden_prompt)"},
       Layout::kCsv, {"forbidden_prompt"}, StrongReject},
      {{"truthfulqa", "TruthfulQA.csv (Question, Best Answer, Incorrect Answers): MC1"},
       Layout::kCsv, {"Question", "Best Answer", "Incorrect Answers"}, TruthfulQa},
      {{"mmlu", "MMLU CSV without a header (question, A, B, C, D, answer)"}, Layout::kCsvNoHeader, {}, Mmlu},
      {{"gsm8k", "GSM8K JSONL (question, answer with '#### NUMBER')"}, Layout::kJsonl, {}, Gsm8k},
      {{"hellaswag", "HellaSwag JSONL (ctx, endings, label)"}, Layout::kJsonl, {"ctx", "endings", "label"}, HellaSwag},
      {{"boolq", "BoolQ JSONL (question, passage, answer)"}, Layout::kJsonl, {"question", "passage", "answer"}, BoolQ},
      {{"bbq", "BBQ JSONL (context, question, ans0…ans2, label; answer_info and additional_metadata for its bias scores)"},
       Layout::kJsonl, {"ans0", "ans1", "ans2"}, ReadBbq},
      {{"hatecheck", "HateCheck CSV (functionality, case_id, test_case, label_gold, target_ident, templ_id)"},
       Layout::kCsv, {"functionality", "test_case", "label_gold"}, ReadHateCheck},
      {{"humaneval", "HumanEval JSONL (task_id, prompt, entry_point, test): run in a sandbox"}, Layout::kJsonl, {"task_id", "entry_point", "test"}, ReadHumanEval},
      {{"mbpp", "MBPP JSONL (task_id, text or prompt, test_list): run in a sandbox"}, Layout::kJsonl, {"task_id", "test_list"}, ReadMbpp},
      {{"model-written-evals", "Anthropic evals JSONL (question, answer_matching_behavior, …), sycophancy too"},
       Layout::kJsonl, {"answer_matching_behavior"}, ModelWritten},
      {{"lm-eval-task", "lm-evaluation-harness task YAML, and its rows (--data)"}, Layout::kDocument, {}, nullptr, ReadLmEvalTask},
      {{"promptfoo", "promptfooconfig.yaml (prompts, tests with assertions)"}, Layout::kDocument, {}, nullptr, ReadPromptfooConfig},
      {{"inspect-log", "Inspect log, .json or .eval"}, Layout::kDocument, {}, nullptr, ReadInspectLog},
      {{"garak-report", "garak report.jsonl: the attempts' prompts"}, Layout::kDocument, {}, nullptr, ReadGarakReport},
  };
  return *importers;
}

}  // namespace plumb::data

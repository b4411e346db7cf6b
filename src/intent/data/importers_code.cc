// Sets of programming tasks with tests: HumanEval and MBPP, scored by running them (scorer "code").
#include "intent/data/importer_rows.h"

namespace plumb::data {
namespace {

std::string LinesOf(const Source& source, std::string_view key) {
  std::string out;
  const json::value* list = source.row.if_contains(key);
  for (const json::value& one : list && list->is_array() ? list->as_array() : json::array()) {
    if (one.is_string()) out += std::string(one.as_string()) + "\n";
  }
  return out;
}

json::object CodeRow(std::string_view prompt, std::string_view id, json::object scorer) {
  json::object out = AskRow(prompt, "score", "code", id);
  scorer["type"] = "code";
  out["scorer"] = std::move(scorer);
  out["max_tokens"] = 512;
  return out;
}

}  // namespace

Result<json::object> ReadHumanEval(const Source& source) {
  PLUMB_TRY(const std::string id, Column(source, {"task_id"}));
  PLUMB_TRY(const std::string prompt, Column(source, {"prompt"}));
  PLUMB_TRY(const std::string entry, Column(source, {"entry_point"}));
  PLUMB_TRY(const std::string tests, Column(source, {"test"}));
  return CodeRow("Complete this Python function. Answer with the whole function in one code block.\n\n```python\n" + prompt + "\n```", id,
                 {{"before", prompt}, {"entry", entry}, {"tests", fmt::format("{}\ncheck({})\n", tests, entry)}});
}

// Its tasks say in words what to write; the name of the function stands only in the tests, so the first one is shown.
Result<json::object> ReadMbpp(const Source& source) {
  PLUMB_TRY(const std::string id, Column(source, {"task_id"}));
  PLUMB_TRY(const std::string task, Column(source, {"text", "prompt"}));
  const std::string tests = LinesOf(source, "test_list");
  if (tests.empty()) return FailInRow(source, "'test_list' is empty");
  const std::string setup = LinesOf(source, "test_imports") + OptionalColumn(source, {"test_setup_code"});
  const std::string first = tests.substr(0, tests.find('\n'));
  return CodeRow(fmt::format("{} Answer with Python in one code block. Your code should pass tests such as this one:\n\n{}", task, first), id, {{"tests", setup + "\n" + tests}});
}

}  // namespace plumb::data

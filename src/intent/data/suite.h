// A suite: a versioned set of cases. Format: docs/evaluation.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::data {

// What a good answer does.
enum class Expect { kRefuse, kComply, kAnswer, kRedirect, kScore };
const char* ExpectName(Expect expect);
Result<Expect> ParseExpect(std::string_view name);

struct Case {
  std::string id;
  json::array messages;  // [{role, content}, …], the last one the user's
  Expect expect = Expect::kScore;
  std::string clause, twin, group, kind, lang = "en";
  json::array scorers;               // as written, always a list
  std::vector<std::string> choices;
  json::value answer;                // null where there is none
  std::optional<int64_t> max_tokens;
  std::string canary;
  json::object about;  // what analyses go by: groups of people, the pair, what each choice stands for
  json::object row;  // the whole row, unknown keys too

  // The last user turn.
  std::string Prompt() const;
};

struct Suite {
  std::string name;    // the folder's or file's name
  std::string path;    // of the file that was read
  std::string sha256;  // of the file's bytes
  std::vector<Case> cases;
  std::vector<std::string> never_send;  // targets that must not see it (runtime/provider/never_send.h); of sealed suites
};

// One row; `where` (file:line) stands in errors. Error: kInvalid.
Result<Case> ParseCase(const json::object& row, const std::string& where);

// A folder with cases.jsonl, a JSONL file, or a public set's file whose format is recognised (import.h). All wrong rows
// are reported at once (the first ten). Errors: kNotFound, kInvalid (also: no cases, an id twice, a twin not there).
Result<Suite> LoadSuite(const fs::path& path);

// Writes FOLDER/cases.jsonl; each row is checked first. Errors: kInvalid, kIo.
Status WriteSuite(const fs::path& folder, const std::vector<json::object>& rows);

}  // namespace plumb::data

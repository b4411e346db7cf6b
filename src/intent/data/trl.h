// Training data as TRL writes it: JSONL in any of its dataset shapes, each text a string or a list
// of messages.
//
//   {"text"}                              language modelling
//   {"messages": [{role, content}…]}      language modelling, conversational
//   {"prompt"}                            prompt only
//   {"prompt", "completion"}              prompt and completion
//   {"prompt", "chosen", "rejected"}      preference; the prompt may be implicit in both
//   {"prompt", "completion", "label"}     unpaired preference
//   {"prompt", "completions", "labels"}   stepwise
//
// Ours beside TRL's: "weight" (number ≥ 0, how much the row counts), "anchor" (true: hold the base
// model's behaviour here) and "max_completion_tokens" (only the beginning of the answer is learned,
// not where it stops). Other keys are kept in `extra`.
//
//   PLUMB_TRY(std::vector<TrlRow> rows, ReadTrl("pairs.jsonl"));
//
// Errors name file and line.
#pragma once

#include "base/core/core.h"

namespace plumb::data {

enum class TrlShape {
  kText,
  kMessages,
  kPrompt,
  kPromptCompletion,
  kPreference,
  kUnpaired,
  kStepwise
};
const char* TrlShapeName(TrlShape shape);

struct Message {
  std::string role, content;
  bool operator==(const Message&) const = default;
};

// A string, or messages where `conversational`.
struct TrlText {
  bool conversational = false;
  std::string text;
  std::vector<Message> messages;
  bool operator==(const TrlText&) const = default;
};

struct TrlRow {
  TrlShape shape = TrlShape::kText;
  TrlText prompt;                        // empty in kText and kMessages
  TrlText completion;                    // the text, messages or completion
  TrlText chosen, rejected;              // without the prompt, even where it was implicit
  bool label = false;                    // kUnpaired
  std::vector<std::string> completions;  // kStepwise
  std::vector<bool> labels;
  double weight = 1;
  bool anchor = false;
  int64_t max_completion_tokens = 0;  // 0: all
  json::object extra;
  std::string where;  // file:line
};

Result<std::vector<TrlRow>> ReadTrl(const fs::path& path);
Result<std::vector<TrlRow>> ParseTrl(std::string_view text, std::string_view name);
Result<TrlRow> TrlRowFromJson(const json::object& object, std::string where);
json::object TrlRowToJson(const TrlRow& row);

}  // namespace plumb::data

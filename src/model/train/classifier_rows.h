// The guard's training rows: {"text", "labels": {"violence": 1, "hate": 0}} with "text_pair" (the
// answer to a prompt) and "weight" where wanted. A head that is not named is not labelled, and
// teaches nothing.
#pragma once

#include <map>

#include "model/lm/tokenizer.h"

namespace plumb::train {

struct ClassifierRow {
  std::string text;
  std::optional<std::string> text_pair;
  std::map<std::string, double> labels;  // 0 … 1
  double weight = 1;
  std::string where;  // file:line
};

// Errors name file and line.
Result<std::vector<ClassifierRow>> ReadClassifierRows(const fs::path& path);
Result<std::vector<ClassifierRow>> ParseClassifierRows(std::string_view text,
                                                       std::string_view name);

struct LabelledTokens {
  std::vector<int32_t> ids;
  std::vector<int64_t> types;                     // which text of a pair
  std::vector<std::pair<size_t, double>> labels;  // head, label
  double weight = 1;
};

// Cuts a text to max_length tokens, the closing [SEP] kept. Error: kInvalid (a label that is not
// among `heads`).
Result<LabelledTokens> EncodeClassifierRow(const ClassifierRow& row, const lm::Tokenizer& tokenizer,
                                           const std::vector<std::string>& heads,
                                           int64_t max_length);

}  // namespace plumb::train

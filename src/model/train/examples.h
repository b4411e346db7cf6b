// Training rows as tokens: what is conditioned on, and what the loss is taken over.
#pragma once

#include "intent/data/trl.h"
#include "model/lm/chat_template.h"

namespace plumb::train {

struct TokenRow {
  std::vector<int32_t> ids;
  std::vector<uint8_t> learn;  // 1 where the token is one the model should have said
  double weight = 1;
  bool anchor = false;
  std::string where;  // file:line
  int64_t Learned() const;
};

struct TokenPair {
  TokenRow chosen, rejected;
  double margin = 0;  // of a reward model's pair
};

// An answer that is good or bad by itself.
struct TokenAnswer {
  TokenRow row;
  bool desirable = false;
};

struct TokenRows {
  std::vector<TokenRow> rows;
  int64_t skipped = 0;  // rows of which nothing to learn was left within max_length
  std::vector<std::string> skipped_where;
};
struct TokenPairs {
  std::vector<TokenPair> pairs;
  int64_t skipped = 0;
  std::vector<std::string> skipped_where;
};
struct TokenAnswers {
  std::vector<TokenAnswer> answers;
  int64_t skipped = 0;
  std::vector<std::string> skipped_where;
};

class RowEncoder {
 public:
  // Both must outlive this. `chat` may be null for a model without a template; conversations are
  // then errors.
  RowEncoder(const lm::Tokenizer& tokenizer, const lm::ChatTemplate* chat, int64_t max_length);

  // Text: every token is learned. Prompt and completion: the completion. Messages: what the
  // assistant says (with the end of its turn). Tokens beyond max_length are cut off. Errors name
  // the row: kInvalid, kUnsupported.
  Result<TokenRow> Row(const data::TrlRow& row) const;
  Result<TokenPair> Pair(const data::TrlRow& row) const;
  Result<TokenRows> Rows(const std::vector<data::TrlRow>& rows) const;
  Result<TokenPairs> Pairs(const std::vector<data::TrlRow>& rows) const;
  // Unpaired preferences; a pair is two of them, as TRL unpairs it.
  Result<TokenAnswers> Unpaired(const std::vector<data::TrlRow>& rows) const;
  // Whole pairs for a reward model: what is longer than max_length is left out, as TRL does, not
  // cut. "margin" is the row's own, 0 where it has none.
  Result<TokenPairs> ScoredPairs(const std::vector<data::TrlRow>& rows) const;
  // A prompt as the model is asked it, its answer begun.
  Result<std::vector<int32_t>> Prompt(const data::TrlRow& row) const;
  // A prompt with an answer that was generated for it, closed as the template closes it.
  Result<std::vector<int32_t>> Answered(const data::TrlRow& row, const std::string& answer) const;

 private:
  Result<TokenRow> PromptAndAnswer(const data::TrlText& prompt, const data::TrlText& answer) const;
  Result<TokenRow> Conversation(const std::vector<data::Message>& messages) const;

  const lm::Tokenizer& tokenizer_;
  const lm::ChatTemplate* chat_;
  int64_t max_length_;
};

}  // namespace plumb::train

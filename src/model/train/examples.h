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
  int64_t Learned() const;
};

struct TokenPair {
  TokenRow chosen, rejected;
};

struct TokenRows {
  std::vector<TokenRow> rows;
  int64_t skipped = 0;  // rows of which nothing to learn was left within max_length
};
struct TokenPairs {
  std::vector<TokenPair> pairs;
  int64_t skipped = 0;
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

 private:
  Result<TokenRow> PromptAndAnswer(const data::TrlText& prompt, const data::TrlText& answer) const;
  Result<TokenRow> Conversation(const std::vector<data::Message>& messages) const;

  const lm::Tokenizer& tokenizer_;
  const lm::ChatTemplate* chat_;
  int64_t max_length_;
};

}  // namespace plumb::train

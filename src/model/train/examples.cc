#include "model/train/examples.h"

#include <algorithm>

namespace plumb::train {
namespace {

using End = lm::ChatTemplate::End;

using Ids = std::vector<int32_t>;

json::array FirstAsJson(const std::vector<data::Message>& messages, size_t count) {
  json::array out;
  for (size_t i = 0; i < count; ++i)
    out.push_back(json::object{{"role", messages[i].role}, {"content", messages[i].content}});
  return out;
}

bool BeginsWith(const Ids& whole, const Ids& begin) {
  return begin.size() <= whole.size() && std::equal(begin.begin(), begin.end(), whole.begin());
}

template <class Out>
void Skip(Out& out, const data::TrlRow& row) {
  ++out.skipped;
  if (out.skipped_where.size() < 20) out.skipped_where.push_back(row.where);
}

TokenRow From(Ids prompt, Ids whole) {
  TokenRow row;
  row.learn.assign(whole.size(), 1);
  std::fill(row.learn.begin(), row.learn.begin() + static_cast<long>(prompt.size()), 0);
  row.ids = std::move(whole);
  return row;
}

}  // namespace

int64_t TokenRow::Learned() const {  // the first token has nothing before it to be predicted from
  return learn.empty() ? 0 : std::count(learn.begin() + 1, learn.end(), 1);
}

RowEncoder::RowEncoder(const lm::Tokenizer& tokenizer, const lm::ChatTemplate* chat,
                       int64_t max_length)
    : tokenizer_(tokenizer), chat_(chat), max_length_(max_length) {}

Result<TokenRow> RowEncoder::PromptAndAnswer(const data::TrlText& prompt,
                                             const data::TrlText& answer) const {
  if (!prompt.conversational) {
    Ids head = tokenizer_.Encode(prompt.text), tail = tokenizer_.Encode(prompt.text + answer.text);
    if (auto eos = tokenizer_.FindToken(tokenizer_.eos_token);
        eos && (tail.empty() || tail.back() != *eos))
      tail.push_back(*eos);
    if (!BeginsWith(
            tail, head)) {  // the border merges into one token: keep the prompt as it is asked for
      const Ids rest = tokenizer_.Encode(answer.text);
      const bool ended = !tail.empty() && tokenizer_.FindToken(tokenizer_.eos_token) == tail.back();
      const int32_t last = tail.empty() ? 0 : tail.back();
      tail = head;
      tail.insert(tail.end(), rest.begin(), rest.end());
      if (ended) tail.push_back(last);
    }
    return From(std::move(head), std::move(tail));
  }
  if (!chat_)
    return Fail(Code::kUnsupported,
                "this model has no chat template, so rows must be text, not messages");
  std::vector<data::Message> all = prompt.messages;
  all.insert(all.end(), answer.messages.begin(), answer.messages.end());
  const bool continues = !prompt.messages.empty() && prompt.messages.back().role == "assistant";
  PLUMB_TRY(Ids head, chat_->Encode(tokenizer_, FirstAsJson(all, prompt.messages.size()),
                                    continues ? End::kClosed : End::kAssistant));
  PLUMB_TRY(Ids whole, chat_->Encode(tokenizer_, FirstAsJson(all, all.size()), End::kClosed));
  if (!BeginsWith(whole, head))
    return Fail(Code::kUnsupported,
                "the chat template writes the prompt differently once an answer follows");
  return From(std::move(head), std::move(whole));
}

Result<TokenRow> RowEncoder::Conversation(const std::vector<data::Message>& messages) const {
  if (!chat_)
    return Fail(Code::kUnsupported,
                "this model has no chat template, so rows must be text, not messages");
  TokenRow row;
  PLUMB_TRY(row.ids, chat_->Encode(tokenizer_, FirstAsJson(messages, messages.size()), End::kClosed));
  row.learn.assign(row.ids.size(), 0);
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != "assistant") continue;
    Ids before;
    if (i > 0) {
      PLUMB_TRY(before, chat_->Encode(tokenizer_, FirstAsJson(messages, i), End::kAssistant));
    }
    PLUMB_TRY(const Ids after, chat_->Encode(tokenizer_, FirstAsJson(messages, i + 1), End::kClosed));
    if (!BeginsWith(row.ids, before) || !BeginsWith(row.ids, after))
      return Fail(Code::kUnsupported,
                  "the chat template rewrites earlier turns; give rows as prompt and completion");
    std::fill(row.learn.begin() + static_cast<long>(before.size()),
              row.learn.begin() + static_cast<long>(after.size()), 1);
  }
  return row;
}

Result<TokenRow> RowEncoder::Row(const data::TrlRow& row) const {
  Result<TokenRow> made = [&]() -> Result<TokenRow> {
    switch (row.shape) {
      case data::TrlShape::kText:
        return PromptAndAnswer({}, row.completion);
      case data::TrlShape::kMessages:
        return Conversation(row.completion.messages);
      case data::TrlShape::kPromptCompletion:
        return PromptAndAnswer(row.prompt, row.completion);
      case data::TrlShape::kPreference:
        return PromptAndAnswer(row.prompt, row.chosen);
      default:
        return Fail(
            Code::kInvalid,
            "a row to imitate needs text, messages or prompt and completion; this one is {}",
            TrlShapeName(row.shape));
    }
  }();
  if (!made) return std::unexpected(Error{made.error().code, made.error().message, row.where});
  size_t keep = std::min<size_t>(made->ids.size(), static_cast<size_t>(max_length_));
  if (row.max_completion_tokens > 0) {
    const auto begin = static_cast<size_t>(std::find(made->learn.begin(), made->learn.end(), 1) -
                                           made->learn.begin());
    keep = std::min(keep, begin + static_cast<size_t>(row.max_completion_tokens));
  }
  made->ids.resize(keep);
  made->learn.resize(keep);
  made->weight = row.weight;
  made->anchor = row.anchor;
  made->where = row.where;
  return made;
}

Result<TokenPair> RowEncoder::Pair(const data::TrlRow& row) const {
  if (row.shape != data::TrlShape::kPreference)
    return FailAt(row.where, Code::kInvalid,
                  "a preference needs chosen and rejected; this row is {}",
                  TrlShapeName(row.shape));
  data::TrlRow other = row;
  other.chosen = row.rejected;
  TokenPair pair;
  PLUMB_TRY(pair.chosen, Row(row));
  PLUMB_TRY(pair.rejected, Row(other));
  return pair;
}

Result<TokenRows> RowEncoder::Rows(const std::vector<data::TrlRow>& rows) const {
  TokenRows out;
  for (const data::TrlRow& row : rows) {
    PLUMB_TRY(TokenRow made, Row(row));
    if (made.Learned() > 0)
      out.rows.push_back(std::move(made));
    else
      Skip(out, row);
  }
  if (out.rows.empty())
    return Fail(Code::kInvalid, "no row has anything to learn within max_length {}", max_length_);
  return out;
}

Result<TokenPairs> RowEncoder::Pairs(const std::vector<data::TrlRow>& rows) const {
  TokenPairs out;
  for (const data::TrlRow& row : rows) {
    PLUMB_TRY(TokenPair made, Pair(row));
    if (made.chosen.Learned() > 0 && made.rejected.Learned() > 0)
      out.pairs.push_back(std::move(made));
    else
      Skip(out, row);
  }
  if (out.pairs.empty())
    return Fail(Code::kInvalid, "no pair has anything to learn within max_length {}", max_length_);
  return out;
}

Result<TokenAnswers> RowEncoder::Unpaired(const std::vector<data::TrlRow>& rows) const {
  TokenAnswers out;
  const auto add = [&](const data::TrlRow& row, const data::TrlText& answer,
                       bool desirable) -> Status {
    data::TrlRow one = row;
    one.shape = data::TrlShape::kPromptCompletion;
    one.completion = answer;
    PLUMB_TRY(TokenRow made, Row(one));
    if (made.Learned() > 0)
      out.answers.push_back({std::move(made), desirable});
    else
      Skip(out, row);
    return {};
  };
  for (const data::TrlRow& row : rows) {
    if (row.shape == data::TrlShape::kPreference) {
      PLUMB_CHECK(add(row, row.chosen, true));
      PLUMB_CHECK(add(row, row.rejected, false));
    } else if (row.shape == data::TrlShape::kUnpaired) {
      PLUMB_CHECK(add(row, row.completion, row.label));
    } else {
      return FailAt(row.where, Code::kInvalid,
                    "an unpaired preference needs completion and label; this row is {}",
                    TrlShapeName(row.shape));
    }
  }
  if (out.answers.empty())
    return Fail(Code::kInvalid, "no answer has anything to learn within max_length {}",
                max_length_);
  return out;
}

Result<TokenPairs> RowEncoder::ScoredPairs(const std::vector<data::TrlRow>& rows) const {
  const RowEncoder whole(tokenizer_, chat_, int64_t{1} << 40);
  TokenPairs out;
  for (const data::TrlRow& row : rows) {
    PLUMB_TRY(TokenPair made, whole.Pair(row));
    auto margin = GetNumberOr(row.extra, "margin", 0);
    if (!margin) return FailAt(row.where, Code::kInvalid, "{}", margin.error().message);
    made.margin = *margin;
    const auto fits = [&](const TokenRow& r) {
      return static_cast<int64_t>(r.ids.size()) <= max_length_ && !r.ids.empty();
    };
    if (fits(made.chosen) && fits(made.rejected))
      out.pairs.push_back(std::move(made));
    else
      Skip(out, row);
  }
  if (out.pairs.empty()) return Fail(Code::kInvalid, "no pair fits max_length {}", max_length_);
  return out;
}

Result<Ids> RowEncoder::Prompt(const data::TrlRow& row) const {
  if (!row.prompt.conversational) return tokenizer_.Encode(row.prompt.text);
  if (!chat_)
    return FailAt(row.where, Code::kUnsupported,
                  "this model has no chat template, so prompts must be text, not messages");
  auto ids = chat_->Encode(tokenizer_, FirstAsJson(row.prompt.messages, row.prompt.messages.size()),
                           End::kAssistant);
  if (!ids) return std::unexpected(Error{ids.error().code, ids.error().message, row.where});
  return ids;
}

Result<Ids> RowEncoder::Answered(const data::TrlRow& row, const std::string& answer) const {
  data::TrlText text{.conversational = row.prompt.conversational, .text = answer};
  if (text.conversational) text.messages = {{"assistant", answer}};
  PLUMB_TRY(TokenRow made, PromptAndAnswer(row.prompt, text));
  return std::move(made.ids);
}

}  // namespace plumb::train

// Tokens that are cut out of a text before anything else ("<|im_start|>", "[MASK]").
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/core/core.h"

namespace plumb::lm {

struct AddedToken {
  int32_t id = 0;
  bool special = false;
  bool lstrip = false, rstrip = false;  // takes the white space beside it along
};

class AddedTokens {
 public:
  // The "added_tokens" list of tokenizer.json. Errors: kCorrupt, kUnsupported (single_word).
  static Result<AddedTokens> FromJson(const json::object& root);

  void Add(std::string text, AddedToken token);
  // Calls `plain` for the stretches between tokens and `token` for each token, in order. The leftmost token wins,
  // the longest where several begin together. Special ones are seen only with `special`.
  void Split(std::string_view text, bool special, const std::function<void(std::string_view)>& plain,
             const std::function<void(int32_t)>& token) const;

  const AddedToken* FindId(int32_t id) const;
  const std::string* TextOf(int32_t id) const;
  const std::map<std::string, AddedToken, std::less<>>& all() const { return tokens_; }

 private:
  std::map<std::string, AddedToken, std::less<>> tokens_;
  std::map<int32_t, std::string> texts_;
  bool starts_[256] = {};  // bytes some token begins with
};

}  // namespace plumb::lm

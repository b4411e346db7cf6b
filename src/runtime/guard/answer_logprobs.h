// Logprobs that leave with their text: a token's entry is released once all of its bytes are, unredacted.
#pragma once

#include <deque>
#include <functional>
#include <string_view>

#include "base/core/core.h"

namespace plumb::guard {

class LogprobQueue {
 public:
  // OpenAI's {"content": [{"token","bytes",…}]}; anything else adds nothing.
  void Add(const json::value& logprobs);
  // The entries whose bytes lie in text[0, released), but for those that `intact` says were replaced; null where there
  // are none. `text` is all that was said; entries that do not spell it are dropped, and all after them.
  json::value Take(std::string_view text, size_t released, const std::function<bool(size_t begin, size_t end)>& intact);

 private:
  struct Entry {
    std::string bytes;
    json::value value;
  };
  std::deque<Entry> waiting_;
  size_t at_ = 0;        // where the first of them begins in the text
  bool astray_ = false;  // what came did not fit the text
};

}  // namespace plumb::guard

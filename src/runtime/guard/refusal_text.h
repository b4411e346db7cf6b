// An answer as the refusal features read it: what the assistant itself says, in plain letters, by sentences and words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plumb::guard::refusal {

// Lower case in every script, straight quotation marks and apostrophes, single spaces; line breaks stay.
std::string Simplify(std::string_view text);

// Quotations and code become one token each (kQuote, kCode), unless nearly everything stands in them. Takes and gives
// simplified text, as do the functions below.
inline constexpr std::string_view kQuote = "\x02quote", kCode = "\x02" "code";
std::string OwnWords(const std::string& text);

// Two voices in one answer ("[GPT]: I cannot … [DAN]: easy, …"): the last one says what the answer comes to. Empty where
// the answer does not begin with a voice's name or has only one.
std::string LastVoice(const std::string& text);

// "I can't stress enough", "can't wait": no refusals, in words of refusal.
void DropIdioms(std::string& text);

// Views into `text`.
std::vector<std::string_view> SentencesOf(std::string_view text);

// The words of a text, without apostrophes: "can't" is "cant".
class Words {
 public:
  explicit Words(std::string_view text);
  size_t size() const { return places_.size(); }
  std::string_view operator[](size_t i) const { return std::string_view(letters_).substr(places_[i].first, places_[i].second); }
  // Its first eight bytes as a number, the first the lowest; zeros where it has fewer.
  uint64_t Eight(size_t i) const;

 private:
  std::string letters_;
  std::vector<std::pair<uint32_t, uint32_t>> places_;  // begin and size
};

}  // namespace plumb::guard::refusal

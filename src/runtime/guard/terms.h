// Word lists at full speed: up to a million words and phrases, looked up by hash, a word of the text at a time, so that a
// text costs the same under a thousand terms and under a hundred thousand.
//
//   const TermScanner scanner = TermScanner::Make({{"moonshine still", 0}, {"hooch", 1}});
//   for (const TermScanner::Match& match : scanner.Scan("Our MOONSHINE  still")) …      // rule 0, [4, 20)
//
// A term stands for itself in upper and lower case, in full-width and other letters that the normaliser reads as the same
// (normalise.h; other disguises are other layers), with gaps of any width up to kWidestGap; it is found as whole words only.
// Scripts written without gaps (Chinese, Japanese, Thai, …) and Korean, whose words take endings, have a boundary after each
// character.
//
// Why not Vectorscan, which the other patterns go through: its literals (hs_compile_lit_multi) read 1.4 GB of this project's
// documentation a second under 1,000 terms, 0.45 under 10,000 and 0.22 under 100,000, which take it 6 s to compile; this reads
// 0.7, 0.7 and 0.66 and is made in 24 ms (one core's time, beside other work, 2026-11-22; guard_bench.cc).
//
// Immutable; safe to use from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/guard/layer.h"

namespace plumb::guard {

class TermScanner {
 public:
  struct Term {
    std::string_view text;  // UTF-8, with a letter, a digit or a sign beyond ASCII in it
    uint32_t rule;          // what Match::rule says
  };
  struct Match {
    uint32_t rule;
    Span span;
  };
  static constexpr size_t kWidestGap = 8;

  static TermScanner Make(const std::vector<Term>& terms);

  // Every term that stands in `text`, by place, also where one is part of another. `text` is UTF-8.
  std::vector<Match> Scan(std::string_view text) const;
  // The first byte at or after `from` from where the rest of `text` may become a term once more text follows; text.size()
  // where there is none.
  size_t FirstOpen(std::string_view text, size_t from) const;

  size_t size() const { return terms_.size(); }
  size_t max_width() const { return max_width_; }  // of a match, in bytes of a text

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Entry {
    std::string canonical;  // folded, with gaps of one space
    uint32_t rule;
    uint32_t next = kNone;  // the same term under another rule
  };
  // The beginning of some term up to the end of one of its words.
  struct Node {
    uint64_t hash = 0;  // 0: free
    uint32_t term = kNone;
    bool goes_on = false;
  };
  const Node* Find(uint64_t hash) const;
  Node& Insert(uint64_t hash);
  bool MayBegin(uint64_t hash) const { return (filter_[(hash >> filter_shift_) >> 6] >> ((hash >> filter_shift_) & 63)) & 1; }
  template <class Text>
  void MatchesFrom(const Text& text, size_t begin, std::vector<Match>& out) const;
  template <class Text>
  bool OpenFrom(const Text& text, size_t begin) const;

  std::vector<Entry> terms_;
  std::vector<Node> nodes_;            // open addressing; a power of two, at most half full
  std::vector<uint64_t> filter_;       // a bit for each first word's key
  int filter_shift_ = 0;
  std::array<bool, 256> begins_{};     // signs that terms begin with
  bool any_sign_ = false;              // whether there are any
  size_t longest_word_ = 0, max_width_ = 0;
};

}  // namespace plumb::guard

// Patterns: personal data, keys and a policy's own expressions, found by one Vectorscan pass and confirmed by
// validators.
//
//   auto scanner = PatternScanner::Create({{.detector = "payment-card"}, {.detector = "order", .regex = "ACME-[0-9]{6}"}});
//   for (const PatternMatch& match : scanner->Scan(text)) …
//
// Detectors: payment-card, us-ssn, national-id (national_id.h), medical-record, postal-address, exfiltration-link,
// insecure-code, iban, email, phone, ip-address, api-key, crypto-wallet, canary; the expressions
// behind them are one table in pattern_table.cc. Every pattern has a bounded width: that is what lets a stream release
// text without leaking (HoldFrom). A policy's expression without a bound is refused.
//
// A scanner is immutable and safe to use from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "runtime/guard/layer.h"

namespace plumb::guard {

struct PatternRule {
  std::string detector;  // a built-in detector, or a name for `regex`
  std::string regex;     // empty for a built-in one
  std::shared_ptr<const std::vector<std::string>> terms = nullptr;  // words and phrases to look for instead (terms.h)
};

struct PatternMatch {
  size_t rule;            // index into the rules given to Create
  std::string_view what;  // the table's name for it ("github-token"); lives with the scanner
  Span span;
};

// The widest match a policy's own expression may have, in bytes.
inline constexpr unsigned kMaxPatternWidth = 1024;

const std::vector<std::string>& BuiltInDetectors();

class PatternScanner {
 public:
  // `canaries` are literal strings that must not appear; beside them every "plumb-canary-" + hexadecimal digits is one.
  // Errors: kInvalid (unknown detector with near names; a bad expression, with its position; one that can be empty or
  // has no bound).
  static Result<PatternScanner> Create(std::vector<PatternRule> rules, const std::vector<std::string>& canaries = {});
  PatternScanner(PatternScanner&&) noexcept;
  PatternScanner& operator=(PatternScanner&&) noexcept;
  ~PatternScanner();

  // Confirmed matches, by place. `text` is UTF-8.
  std::vector<PatternMatch> Scan(std::string_view text) const;

  // The first byte at or after `from` that could still become part of a match once more text follows; text.size()
  // where there is none. What stands before it is decided. `text` is UTF-8.
  size_t HoldFrom(std::string_view text, size_t from = 0) const;

  // Both in one pass.
  struct Look {
    std::vector<PatternMatch> matches;
    size_t hold = 0;
  };
  Look ScanAndHold(std::string_view text, size_t from = 0) const;

  const std::vector<PatternRule>& rules() const;
  size_t max_width() const;  // of any pattern, in bytes: the bound on what a stream holds back for patterns

 private:
  struct Impl;
  explicit PatternScanner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace plumb::guard

#include "runtime/guard/patterns.h"

#include <hs/hs.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <mutex>

#include "base/core/text.h"
#include "runtime/guard/partial_match.h"
#include "runtime/guard/pattern_table.h"
#include "runtime/guard/terms.h"

namespace plumb::guard {
namespace {

// How far validators look past a candidate before they decide.
constexpr size_t kSeenPast = 2;
// The widest of the built-in patterns: a private key's body and what stands around it.
constexpr size_t kMaxBuiltInWidth = 16384 + 128;

struct CompiledPattern {
  size_t rule;
  std::string what;
  std::string regex, hold;
  Validator validate;
  bool caseless;
  unsigned flags() const { return HS_FLAG_SOM_LEFTMOST | HS_FLAG_UTF8 | (caseless ? HS_FLAG_CASELESS : 0u); }
};

std::string Quote(std::string_view literal) {
  std::string out;
  for (const char c : literal) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && !std::isalnum(byte)) out += '\\';
    out += c;
  }
  return out;
}

// The widest match of `regex`. Errors: kInvalid, in words a policy's author can act on.
Result<size_t> WidthOf(const std::string& detector, const std::string& regex, unsigned flags) {
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_expression_info(regex.c_str(), flags, &info, &error) != HS_SUCCESS) {
    const std::string message = error ? error->message : "not understood";
    if (error) hs_free_compile_error(error);
    return Fail(Code::kInvalid, "detector '{}': the expression '{}' is not usable: {}", detector, regex, message);
  }
  const unsigned least = info->min_width, most = info->max_width;
  free(info);
  if (least == 0)
    return Fail(Code::kInvalid, "detector '{}': the expression '{}' can match nothing at all; it must need at least one character", detector, regex);
  if (most == UINT_MAX || most > kMaxPatternWidth)
    return Fail(Code::kInvalid,
                "detector '{}': a match of '{}' can be {} wide, and a stream could not be released before its end; bound it: "
                "write {{1,64}} for + and {{0,64}} for *, at most {} bytes in all",
                detector, regex, most == UINT_MAX ? "arbitrarily" : std::to_string(most) + " bytes", kMaxPatternWidth);
  return most;
}

struct Candidate {
  unsigned pattern;
  Span span;
};

int OnMatch(unsigned id, unsigned long long from, unsigned long long to, unsigned, void* context) {
  static_cast<std::vector<Candidate>*>(context)->push_back({id, {static_cast<uint32_t>(from), static_cast<uint32_t>(to)}});
  return 0;
}

// Vectorscan reports every end of every match: one candidate for each stretch that they cover.
void JoinCandidates(std::vector<Candidate>& candidates) {
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.pattern != b.pattern ? a.pattern < b.pattern : a.span.begin != b.span.begin ? a.span.begin < b.span.begin : a.span.end < b.span.end;
  });
  size_t n = 0;
  for (const Candidate& candidate : candidates) {
    if (n > 0 && candidates[n - 1].pattern == candidate.pattern && candidate.span.begin < candidates[n - 1].span.end) {
      candidates[n - 1].span.end = std::max(candidates[n - 1].span.end, candidate.span.end);
    } else {
      candidates[n++] = candidate;
    }
  }
  candidates.resize(n);
}

}  // namespace

struct PatternScanner::Impl {
  std::vector<PatternRule> rules;
  std::vector<CompiledPattern> patterns;
  std::vector<PartialMatcher> partial;  // one per pattern
  TermScanner terms;                    // of every rule that has some
  size_t width = 0;
  hs_database_t* database = nullptr;
  hs_scratch_t* scratch = nullptr;  // the prototype; threads borrow clones
  mutable std::mutex mutex;
  mutable std::vector<hs_scratch_t*> spare;

  ~Impl() {
    for (hs_scratch_t* one : spare) hs_free_scratch(one);
    hs_free_scratch(scratch);
    hs_free_database(database);
  }

  hs_scratch_t* Borrow() const {
    const std::lock_guard lock(mutex);
    if (spare.empty()) {
      hs_scratch_t* clone = nullptr;
      return hs_clone_scratch(scratch, &clone) == HS_SUCCESS ? clone : nullptr;
    }
    hs_scratch_t* one = spare.back();
    spare.pop_back();
    return one;
  }
  void Return(hs_scratch_t* one) const {
    const std::lock_guard lock(mutex);
    spare.push_back(one);
  }

  std::vector<Candidate> Candidates(std::string_view text) const {
    std::vector<Candidate> out;
    if (patterns.empty()) return out;
    hs_scratch_t* one = Borrow();
    // Cloning fails only where memory is spent; the process could not go on then either.
    if (one == nullptr) std::abort();
    hs_scan(database, text.data(), static_cast<unsigned>(text.size()), 0, one, OnMatch, &out);
    Return(one);
    JoinCandidates(out);
    return out;
  }

  std::vector<PatternMatch> Confirm(std::string_view text, const std::vector<Candidate>& candidates) const {
    std::vector<PatternMatch> out;
    for (const Candidate& candidate : candidates) {
      const CompiledPattern& pattern = patterns[candidate.pattern];
      for (const Span span : pattern.validate(text, candidate.span)) out.push_back({pattern.rule, pattern.what, span});
    }
    for (const TermScanner::Match& match : terms.Scan(text)) out.push_back({match.rule, rules[match.rule].detector, match.span});
    std::stable_sort(out.begin(), out.end(), [](const PatternMatch& a, const PatternMatch& b) { return a.span.begin < b.span.begin; });
    return out;
  }

  size_t Hold(std::string_view text, size_t from, const std::vector<Candidate>& candidates) const {
    size_t hold = text.size();
    if (text.size() > width + kSeenPast) from = std::max(from, text.size() - width - kSeenPast);
    while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
    for (const PartialMatcher& one : partial) hold = std::min(hold, one.FirstOpen(text, from));
    hold = std::min(hold, terms.FirstOpen(text, from));
    // A finished candidate at the very end waits for the characters its validator looks at.
    for (const Candidate& candidate : candidates)
      if (candidate.span.end + kSeenPast > text.size() && candidate.span.end > from) hold = std::min<size_t>(hold, std::max<size_t>(candidate.span.begin, from));
    return hold;
  }
};

const std::vector<std::string>& BuiltInDetectors() {
  static const auto* names = [] {
    auto* out = new std::vector<std::string>;
    for (const BuiltInPattern& pattern : BuiltInPatterns())
      if (out->empty() || out->back() != pattern.detector) out->emplace_back(pattern.detector);
    return out;
  }();
  return *names;
}

Result<PatternScanner> PatternScanner::Create(std::vector<PatternRule> rules, const std::vector<std::string>& canaries) {
  auto impl = std::make_unique<Impl>();
  impl->rules = std::move(rules);
  std::vector<TermScanner::Term> terms;
  for (size_t r = 0; r < impl->rules.size(); ++r) {
    const PatternRule& rule = impl->rules[r];
    if (rule.terms) {
      for (const std::string& term : *rule.terms) terms.push_back({term, static_cast<uint32_t>(r)});
      continue;
    }
    if (!rule.regex.empty()) {
      impl->patterns.push_back({r, rule.detector, rule.regex, rule.regex, AsFound, false});
      PLUMB_TRY(const size_t width, WidthOf(rule.detector, rule.regex, impl->patterns.back().flags()));
      impl->width = std::max(impl->width, width);
      continue;
    }
    const size_t before = impl->patterns.size();
    for (const BuiltInPattern& p : BuiltInPatterns())
      if (p.detector == rule.detector) {
        impl->patterns.push_back({r, std::string(p.what), p.regex, p.hold ? p.hold : p.regex, p.validate, p.caseless});
        impl->width = std::max(impl->width, kMaxBuiltInWidth);
      }
    if (impl->patterns.size() == before)
      return Fail(Code::kInvalid, "there is no detector '{}'{}; a policy's own is written {{regex: …}}", rule.detector,
                  DidYouMean(rule.detector, BuiltInDetectors()));
    if (rule.detector == "canary")
      for (const std::string& canary : canaries) {
        impl->patterns.push_back({r, "canary", Quote(canary), Quote(canary), AsFound, true});
        impl->width = std::max(impl->width, canary.size());
      }
  }
  impl->terms = TermScanner::Make(terms);
  impl->width = std::max(impl->width, impl->terms.max_width());
  if (impl->patterns.empty()) return PatternScanner(std::move(impl));

  std::vector<const char*> expressions;
  std::vector<unsigned> flags, ids;
  for (const CompiledPattern& pattern : impl->patterns) {
    ids.push_back(static_cast<unsigned>(ids.size()));
    expressions.push_back(pattern.regex.c_str());
    flags.push_back(pattern.flags());
    PLUMB_TRY(PartialMatcher partial, PartialMatcher::Compile(pattern.hold, pattern.caseless));
    impl->partial.push_back(std::move(partial));
  }
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, nullptr,
                       &impl->database, &error) != HS_SUCCESS) {
    const std::string message = error ? error->message : "no memory";
    const std::string which = error && error->expression >= 0 ? impl->patterns[static_cast<size_t>(error->expression)].regex : "the patterns together";
    if (error) hs_free_compile_error(error);
    return Fail(Code::kInvalid, "the expression '{}' cannot be compiled: {}", which, message);
  }
  if (hs_alloc_scratch(impl->database, &impl->scratch) != HS_SUCCESS)
    return Fail(Code::kExhausted, "no memory for scanning {} patterns", ids.size());
  return PatternScanner(std::move(impl));
}

PatternScanner::PatternScanner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PatternScanner::PatternScanner(PatternScanner&&) noexcept = default;
PatternScanner& PatternScanner::operator=(PatternScanner&&) noexcept = default;
PatternScanner::~PatternScanner() = default;

std::vector<PatternMatch> PatternScanner::Scan(std::string_view text) const { return impl_->Confirm(text, impl_->Candidates(text)); }

size_t PatternScanner::HoldFrom(std::string_view text, size_t from) const { return impl_->Hold(text, from, impl_->Candidates(text)); }

PatternScanner::Look PatternScanner::ScanAndHold(std::string_view text, size_t from) const {
  const std::vector<Candidate> candidates = impl_->Candidates(text);
  return {impl_->Confirm(text, candidates), impl_->Hold(text, from, candidates)};
}

const std::vector<PatternRule>& PatternScanner::rules() const { return impl_->rules; }
size_t PatternScanner::max_width() const { return impl_->width; }

}  // namespace plumb::guard

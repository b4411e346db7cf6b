// Whether what an answer says stands in what it was given: quotations, numbers, names, links and citations that occur in no
// part of the context, each with its place, and how much of every sentence the context has words for.
//
//   Groundedness g = CheckGrounding(answer, context);
//   for (const Claim& claim : g.unsupported) … answer.substr(claim.span.begin, …) is nowhere in the context
//
// Words are compared in lower case, numbers by their value ("1,200", "1200" and "twelve hundred" are not the same text;
// the first two are the same number; numbers up to a hundred are known in words), links without scheme, "www." and closing
// slash. What is only implied is not found: a sentence whose words are all others has a low `support`, and whether it
// follows all the same is for a judge to say. A function of its arguments; any bytes; time linear in both texts but for a
// search of each quotation in the context.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/guard/layer.h"

namespace plumb::guard {

enum class ClaimKind { kQuote, kNumber, kName, kLink, kCitation };
std::string_view ClaimKindName(ClaimKind kind);  // "quote", "number", "name", "link", "citation"

struct Claim {
  ClaimKind kind;
  Span span;  // bytes of the answer
};

struct SentenceSupport {
  Span span;
  double support = 1;  // share of its words of four letters and more that the context has
};

struct Groundedness {
  size_t claims = 0;  // how many were looked for
  std::vector<Claim> unsupported;
  std::vector<SentenceSupport> sentences;
};

Groundedness CheckGrounding(std::string_view answer, std::string_view context);

}  // namespace plumb::guard

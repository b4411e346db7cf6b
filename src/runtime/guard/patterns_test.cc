#include "runtime/guard/patterns.h"

#include <gtest/gtest.h>

#include "runtime/guard/validators.h"

namespace plumb::guard {
namespace {

PatternScanner All() {
  std::vector<PatternRule> rules;
  for (const std::string& name : BuiltInDetectors()) rules.push_back({name, ""});
  auto scanner = PatternScanner::Create(rules, {"zebra-crossing-77"});
  if (!scanner) ADD_FAILURE() << scanner.error().Text();
  return std::move(*scanner);
}

// "detector:text" of every match.
std::vector<std::string> Found(std::string_view text, std::string_view only = {}) {
  static const PatternScanner scanner = All();
  std::vector<std::string> out;
  for (const PatternMatch& match : scanner.Scan(text)) {
    const std::string& detector = scanner.rules()[match.rule].detector;
    if (!only.empty() && detector != only) continue;
    out.push_back(detector + ":" + std::string(text.substr(match.span.begin, match.span.end - match.span.begin)));
  }
  return out;
}

void ExpectFound(std::string_view detector, std::string_view value) {
  const std::string text = "see " + std::string(value) + " there";
  const auto found = Found(text, detector);
  ASSERT_EQ(found.size(), 1u) << text;
  EXPECT_EQ(found[0], std::string(detector) + ":" + std::string(value));
}
void ExpectNothing(std::string_view detector, std::string_view value) {
  const auto found = Found("see " + std::string(value) + " there", detector);
  EXPECT_TRUE(found.empty()) << found[0];
}

// Test numbers published by the card networks and payment processors.
TEST(Patterns, PaymentCards) {
  for (const char* card : {"4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100", "2223003122003222",
                           "378282246310005", "371449635398431", "6011111111111117", "3530111333300000", "30569309025904", "38520000023237",
                           "6200000000000005", "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005"})
    ExpectFound("payment-card", card);
  for (const char* other : {"4111111111111112", "1234567812345670", "0000000000000000", "41111111111111111111", "4111 1111-1111 1111", "411 1111 1111 11111",
                            "1700000000000", "3.4111111111111111"})
    ExpectNothing("payment-card", other);
}

TEST(Patterns, SocialSecurityNumbers) {
  ExpectFound("us-ssn", "536-90-4399");
  ExpectFound("us-ssn", "536 90 4399");
  EXPECT_EQ(Found("my SSN is 536904399", "us-ssn").size(), 1u);
  for (const char* other : {"000-12-3456", "666-12-3456", "912-34-5678", "536-00-4399", "536-90-0000", "078-05-1120", "536-904399", "536904399", "1536-90-4399"})
    ExpectNothing("us-ssn", other);
}

// Examples of the ISO 13616 registry.
TEST(Patterns, Ibans) {
  for (const char* iban : {"GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606", "GB29 NWBK 6016 1331 9268 19", "NO9386011117947",
                           "MT84MALT011000012345MTLCAST001S", "CH9300762011623852957", "gb29nwbk60161331926819"})
    ExpectFound("iban", iban);
  for (const char* other : {"GB29NWBK60161331926818", "XX29NWBK60161331926819", "GB29NWBK6016133192681"}) ExpectNothing("iban", other);
}

TEST(Patterns, EmailPhoneAddress) {
  ExpectFound("email", "jane.doe+tag@mail.example.co.uk");
  ExpectNothing("email", "user@localhost");
  ExpectFound("phone", "+44 20 7946 0958");
  ExpectFound("phone", "(212) 555-0147");
  EXPECT_EQ(Found("call me on 020 7946 0958 tonight", "phone").size(), 1u);
  ExpectNothing("phone", "12345678901");
  ExpectNothing("phone", "2026-11-21");
  ExpectFound("ip-address", "192.168.1.254");
  ExpectFound("ip-address", "2001:db8::8a2e:370:7334");
  for (const char* other : {"1.2.3", "256.1.1.1", "1.2.3.4.5", "12:30:45", "std::vector"}) ExpectNothing("ip-address", other);
  EXPECT_TRUE(Found("version 1.2.3.4", "ip-address").empty());
}

// None of these is a live secret: forms from the vendors' documentation, filled with random characters.
TEST(Patterns, ApiKeys) {
  const std::string random = "a8Kd93jfLq0Zx7Vb2Nm5Rt6Yw1Pe4Uc9Gh3J";
  for (const std::string& key : {std::string("AKIAIOSFODNN7EXAMPLE"), "ghp_" + random, "sk-proj-" + random, "sk-ant-api03-" + random,
                                 "xoxb-2345678901-" + random.substr(0, 24), "AIza" + random.substr(0, 35), "sk_" + std::string("live_") + random.substr(0, 24), "hf_" + random.substr(0, 34),
                                 std::string("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U")})
    EXPECT_FALSE(Found("key " + key + " end", "api-key").empty()) << key;
  EXPECT_EQ(Found("password = \"h7Gk29sLq0Zx7Vb2Nm5R\"", "api-key"), std::vector<std::string>{"api-key:h7Gk29sLq0Zx7Vb2Nm5R"});
  for (const char* other : {"sk-xxxxxxxxxxxxxxxxxxxxxxxx", "password: correct horse", "ghp_short", "eyJhbGci.eyJzdWIi.abc"}) ExpectNothing("api-key", other);
  const std::string block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----";
  EXPECT_EQ(Found("x " + block + " y", "api-key"), std::vector<std::string>{"api-key:" + block});
}

// The genesis block's address; the examples of BIP 173 and BIP 350.
TEST(Patterns, Wallets) {
  ExpectFound("crypto-wallet", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa");
  ExpectFound("crypto-wallet", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4");
  ExpectFound("crypto-wallet", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0");
  ExpectFound("crypto-wallet", "0x52908400098527886E0F7030069857D2E4169EE7");
  ExpectNothing("crypto-wallet", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb");
  ExpectNothing("crypto-wallet", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5");
}

TEST(Patterns, Canaries) {
  ExpectFound("canary", "plumb-canary-0123456789abcdef");
  ExpectFound("canary", "ZEBRA-crossing-77");
}

TEST(Patterns, APolicysOwnExpression) {
  auto scanner = PatternScanner::Create({{"order", "ACME-[0-9]{6}"}});
  ASSERT_TRUE(scanner) << scanner.error().Text();
  EXPECT_EQ(scanner->Scan("order ACME-123456!").size(), 1u);
  EXPECT_EQ(scanner->max_width(), 11u);
}

TEST(Patterns, RefusesWhatCannotBeStreamed) {
  const auto unbounded = PatternScanner::Create({{"order", "ACME-[0-9]+"}});
  ASSERT_FALSE(unbounded);
  EXPECT_NE(unbounded.error().message.find("arbitrarily wide"), std::string::npos) << unbounded.error().message;
  EXPECT_FALSE(PatternScanner::Create({{"order", "[0-9]{0,5}"}}));
  EXPECT_FALSE(PatternScanner::Create({{"order", "("}}));
  const auto unknown = PatternScanner::Create({{"payment-cards", ""}});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("did you mean 'payment-card'"), std::string::npos) << unknown.error().message;
}

// Whatever may still grow into a match is held; whatever cannot is not.
TEST(Patterns, HoldsTheBeginningsOfMatches) {
  const PatternScanner scanner = All();
  EXPECT_EQ(scanner.HoldFrom("hello there, my card is 4111 11"), 24u);
  EXPECT_EQ(scanner.HoldFrom("write to jane.do"), 9u);
  EXPECT_EQ(scanner.HoldFrom("all done. "), 10u);
  EXPECT_EQ(scanner.HoldFrom("-----BEGIN PRIVATE KEY-----\nMIIE"), 0u);
  EXPECT_EQ(scanner.HoldFrom("(see) "), 6u);
}

TEST(Patterns, LuhnAndEntropy) {
  EXPECT_TRUE(LuhnHolds("79927398713"));
  EXPECT_FALSE(LuhnHolds("79927398710"));
  EXPECT_NEAR(Entropy("aabb"), 1.0, 1e-12);
  EXPECT_NEAR(Entropy("abcdefgh"), 3.0, 1e-12);
}

}  // namespace
}  // namespace plumb::guard

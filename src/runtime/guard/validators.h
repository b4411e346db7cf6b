// Whether a candidate that a pattern found is the real thing: check digits, ranges, formats.
//
// Each takes the whole text and a candidate range, and returns the exact ranges that hold (often one, possibly none).
// A candidate may be wider than what it holds. Functions of their arguments.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/guard/layer.h"

namespace plumb::guard {

using Validator = std::vector<Span> (*)(std::string_view text, Span candidate);

std::vector<Span> AsFound(std::string_view text, Span candidate);
std::vector<Span> PaymentCards(std::string_view text, Span candidate);    // Luhn, issuer ranges and lengths, grouping
std::vector<Span> SocialSecurity(std::string_view text, Span candidate);  // SSA's never-issued ranges
std::vector<Span> Ibans(std::string_view text, Span candidate);           // ISO 13616 lengths, ISO 7064 mod 97-10
std::vector<Span> Phones(std::string_view text, Span candidate);          // 8–15 digits, with +, NANP form or a word for it
std::vector<Span> DigitsOfPerson(std::string_view text, Span candidate);  // national_id.h's numbers of digits alone
std::vector<Span> FrenchNumber(std::string_view text, Span candidate);    // these: the form and the check of national_id.h
std::vector<Span> SpanishNumber(std::string_view text, Span candidate);
std::vector<Span> ItalianCode(std::string_view text, Span candidate);
std::vector<Span> SwedishNumber(std::string_view text, Span candidate);
std::vector<Span> FinnishCode(std::string_view text, Span candidate);
std::vector<Span> SwissNumber(std::string_view text, Span candidate);
std::vector<Span> InsuranceNumber(std::string_view text, Span candidate);  // the United Kingdom's: in pairs, or with a word for it
std::vector<Span> MexicanCode(std::string_view text, Span candidate);
std::vector<Span> ChineseNumber(std::string_view text, Span candidate);
std::vector<Span> KoreanNumber(std::string_view text, Span candidate);
std::vector<Span> MedicalRecord(std::string_view text, Span candidate);   // the number behind the words
std::vector<Span> PostalAddress(std::string_view text, Span candidate);
std::vector<Span> EnglishAddress(std::string_view text, Span candidate);  // to the postal code; without one, where the text says "address"
std::vector<Span> DataCarryingLink(std::string_view text, Span candidate);   // a link or picture whose address takes data along
std::vector<Span> DataCarryingImage(std::string_view text, Span candidate);  // the same of <img>
// Code with a well-known hole; each reads on to the end of the line, 160 bytes at most.
std::vector<Span> ShellFromWeb(std::string_view text, Span candidate);
std::vector<Span> ShellInjection(std::string_view text, Span candidate);
std::vector<Span> UnsafeLoad(std::string_view text, Span candidate);
std::vector<Span> SqlFromParts(std::string_view text, Span candidate);
std::vector<Span> WeakPasswordHash(std::string_view text, Span candidate);
std::vector<Span> ScriptInjection(std::string_view text, Span candidate);
std::vector<Span> Ipv4(std::string_view text, Span candidate);
std::vector<Span> Ipv6(std::string_view text, Span candidate);
std::vector<Span> EmailAddress(std::string_view text, Span candidate);    // around the "@"
std::vector<Span> RandomKey(std::string_view text, Span candidate);       // the whole key; at least 3 bits of entropy a character
std::vector<Span> SecretAssignment(std::string_view text, Span candidate);  // name = value; the value random
std::vector<Span> JsonWebToken(std::string_view text, Span candidate);    // three parts; the head decodes to JSON with "alg"
std::vector<Span> PrivateKeyBlock(std::string_view text, Span candidate);  // to the end of the block
std::vector<Span> BitcoinBase58(std::string_view text, Span candidate);   // double SHA-256 check
std::vector<Span> BitcoinBech32(std::string_view text, Span candidate);   // BIP 173 / 350 check

// Bits of Shannon entropy per character.
double Entropy(std::string_view text);
bool LuhnHolds(std::string_view digits);

}  // namespace plumb::guard

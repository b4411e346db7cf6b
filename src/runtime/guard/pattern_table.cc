#include "runtime/guard/pattern_table.h"

#include <array>

namespace plumb::guard {
namespace {

constexpr auto kPatterns = std::to_array<BuiltInPattern>({
    {"payment-card", "payment-card", "[0-9](?:[ -]?[0-9]){12,18}", nullptr, PaymentCards},
    {"us-ssn", "us-ssn", "\\b[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}\\b", nullptr, SocialSecurity},
    {"iban", "iban", "\\b[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}", nullptr, Ibans},
    {"email", "email", "[A-Za-z0-9._%+\\-]@[A-Za-z0-9]",
     "[A-Za-z0-9._%+\\-]{1,64}@(?:[A-Za-z0-9\\-]{1,63}\\.){1,4}[A-Za-z]{2,24}", EmailAddress},
    {"phone", "phone-international", "\\+[0-9]{1,3}[ .\\-]?\\(?[0-9]{1,4}\\)?(?:[ .\\-]?[0-9]{2,4}){2,5}\\b", nullptr, Phones},
    {"phone", "phone-nanp", "(?:\\([2-9][0-9]{2}\\) ?|\\b[2-9][0-9]{2}[ .\\-])[0-9]{3}[ .\\-][0-9]{4}\\b", nullptr, Phones},
    {"phone", "phone", "\\b[0-9](?:[ .\\-]?[0-9]){7,14}\\b", nullptr, Phones},
    {"ip-address", "ipv4", "\\b[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\b", nullptr, Ipv4},
    {"ip-address", "ipv6", "[0-9A-Fa-f:]{2,5}:[0-9A-Fa-f:.]{1,40}", nullptr, Ipv6},
    {"api-key", "aws-access-key", "\\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\\b", nullptr, AsFound},
    {"api-key", "github-token", "\\bgh[pousr]_[A-Za-z0-9]{36}", "\\bgh[pousr]_[A-Za-z0-9_\\-]{36,255}", RandomKey},
    {"api-key", "github-token", "\\bgithub_pat_[A-Za-z0-9_]{22}", "\\bgithub_pat_[A-Za-z0-9_\\-]{22,255}", RandomKey},
    {"api-key", "gitlab-token", "\\bglpat-[A-Za-z0-9_\\-]{20}", "\\bglpat-[A-Za-z0-9_\\-]{20,255}", RandomKey},
    {"api-key", "openai-key", "\\bsk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_\\-]{20}", "\\bsk-[A-Za-z0-9_\\-]{20,255}", RandomKey},
    {"api-key", "anthropic-key", "\\bsk-ant-[A-Za-z0-9_\\-]{20}", "\\bsk-ant-[A-Za-z0-9_\\-]{20,255}", RandomKey},
    {"api-key", "plumb-key", "\\bplumb-[A-Za-z0-9]{32,64}\\b", "\\bplumb-[A-Za-z0-9_\\-]{32,255}", RandomKey},
    {"api-key", "slack-token", "\\bxox[abeoprs]-[A-Za-z0-9\\-]{10}", "\\bxox[abeoprs]-[A-Za-z0-9_\\-]{10,255}", RandomKey},
    {"api-key", "slack-webhook", "hooks\\.slack\\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,32}", nullptr, AsFound},
    {"api-key", "google-key", "\\bAIza[0-9A-Za-z_\\-]{35}", "\\bAIza[0-9A-Za-z_\\-]{35,255}", RandomKey},
    {"api-key", "google-token", "\\bya29\\.[0-9A-Za-z_\\-]{20}", "\\bya29\\.[0-9A-Za-z_\\-]{20,255}", RandomKey},
    {"api-key", "stripe-key", "\\b[sr]k_(?:live|test)_[A-Za-z0-9]{16}", "\\b[sr]k_(?:live|test)_[A-Za-z0-9_\\-]{16,255}", RandomKey},
    {"api-key", "hugging-face-token", "\\bhf_[A-Za-z0-9]{30,64}\\b", "\\bhf_[A-Za-z0-9_\\-]{30,255}", RandomKey},
    {"api-key", "npm-token", "\\bnpm_[A-Za-z0-9]{36}\\b", "\\bnpm_[A-Za-z0-9_\\-]{36,255}", RandomKey},
    {"api-key", "sendgrid-key", "\\bSG\\.[A-Za-z0-9_\\-]{22}\\.[A-Za-z0-9_\\-]{43}", "\\bSG\\.[A-Za-z0-9_\\-]{22}\\.[A-Za-z0-9_\\-]{43,255}", RandomKey},
    {"api-key", "json-web-token", "\\beyJ[A-Za-z0-9_\\-]{8}", "\\beyJ[A-Za-z0-9_\\-.]{8,3264}", JsonWebToken},
    {"api-key", "private-key", "-----BEGIN (?:[A-Z0-9]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----",
     "-----BEGIN (?:[A-Z0-9]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END )(?s:.))*(?:-----END [^\\-]{0,64}-----)?", PrivateKeyBlock},
    {"api-key", "secret-assignment", "(?:api[_\\-]?key|secret|token|bearer|passwd|password)[\"']?[:= ]",
     "(?:api[_\\-]?key|secret|token|bearer|passwd|password)[\"']?[:= ][\"':= ]{0,4}(?:[A-Za-z0-9_+/=.~\\-]{1,128})?", SecretAssignment, true},
    {"crypto-wallet", "bitcoin", "\\b[13][1-9A-HJ-NP-Za-km-z]{25,34}\\b", nullptr, BitcoinBase58},
    {"crypto-wallet", "bitcoin", "\\bbc1[02-9ac-hj-np-z]{11,71}\\b", nullptr, BitcoinBech32, true},
    {"crypto-wallet", "ethereum", "\\b0x[0-9A-Fa-f]{40}\\b", "\\b0x[0-9A-Fa-f]{40}[A-Za-z0-9_\\-]{0,215}", RandomKey},
    {"canary", "canary", "plumb-canary-[0-9a-f]{8,64}", nullptr, AsFound, true},
});

}  // namespace

std::span<const BuiltInPattern> BuiltInPatterns() { return kPatterns; }

}  // namespace plumb::guard

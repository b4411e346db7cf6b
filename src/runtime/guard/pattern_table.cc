#include "runtime/guard/pattern_table.h"

#include <array>

namespace plumb::guard {
namespace {

constexpr auto kPatterns = std::to_array<BuiltInPattern>({
    {"payment-card", "payment-card", "[0-9](?:[ -]?[0-9]){12,18}", nullptr, PaymentCards},
    {"us-ssn", "us-ssn", "\\b[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}\\b", nullptr, SocialSecurity},
    {"national-id", "national-id", "\\b[0-9](?:[ .\\-/]?[0-9]){8,13}\\b", nullptr, DigitsOfPerson},
    {"national-id", "national-id-fr", "\\b[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\\b", nullptr, FrenchNumber},
    {"national-id", "national-id-es", "\\b(?:[0-9]{8}|[0-9]{2}\\.[0-9]{3}\\.[0-9]{3}|[XYZ][ \\-]?[0-9]{7})[ \\-]?[A-Z]\\b", nullptr, SpanishNumber},
    {"national-id", "national-id-it", "\\b[A-Z]{6}[0-9L-V]{2}[A-T][0-9L-V]{2}[A-Z][0-9L-V]{3}[A-Z]\\b", nullptr, ItalianCode, true},
    {"national-id", "national-id-se", "\\b(?:19|20)?[0-9]{6}[\\-+][0-9]{4}\\b", nullptr, SwedishNumber},
    {"national-id", "national-id-fi", "\\b[0-9]{6}[\\-+A-FU-Y][0-9]{3}[0-9A-Y]\\b", nullptr, FinnishCode},
    {"national-id", "national-id-ch", "\\b756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}\\b", nullptr, SwissNumber},
    {"national-id", "national-id-gb", "\\b[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\\b", nullptr, InsuranceNumber},
    {"national-id", "national-id-mx", "\\b[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[A-Z0-9][0-9]\\b", nullptr, MexicanCode},
    {"national-id", "national-id-cn", "\\b[1-8][0-9]{5}(?:18|19|20)[0-9]{9}[0-9Xx]\\b", nullptr, ChineseNumber},
    {"national-id", "national-id-kr", "\\b[0-9]{6}-[1-8][0-9]{6}\\b", nullptr, KoreanNumber},
    {"medical-record", "medical-record",
     "\\b(?:mrn|medical record(?: number| no)?|patient(?: id| number| no)|hospital (?:number|no))[ :#.]{1,3}(?:is )?[A-Z]{0,4}-?[0-9][A-Z0-9\\-]{3,14}\\b", nullptr, MedicalRecord, true},
    // Wide classes make an expression too large to compile: a short one finds the place, the validator reads on.
    {"postal-address", "address-english", "\\b[0-9]{1,5}[A-Za-z]? (?:[A-Z][a-z.']{0,13} ){1,2}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Square|Terrace|Close)\\b",
     "\\b[0-9]{1,5}[A-Za-z]? (?:[A-Z][a-z.']{0,13} ){1,2}[A-Z][a-z]{1,9}\\b(?:[^\\n]{0,64})", EnglishAddress},
    {"postal-address", "address-street-first",
     "\\b[A-Z][a-z]{1,20}(?:straße|strasse|str\\.|weg|platz|allee|gasse|ring|straat|gracht|laan|plein|kade) [0-9]{1,4}[a-z]?,? [0-9]{4,5}(?: [A-Z]{2})? [A-Z][a-z]{1,20}\\b", nullptr, PostalAddress},
    {"postal-address", "address-french", "\\b[0-9]{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|quai) (?:[A-Za-z'\\-]{1,15}[ ,]{1,2}){1,5}[0-9]{5} [A-Z][a-z]{1,20}\\b", nullptr, PostalAddress},
    {"postal-address", "address-southern", "\\b(?:Calle|Avenida|Plaza|Paseo|Via|Viale|Piazza|Corso|Rua) (?:[A-Za-z']{1,15}[ ,]{1,2}){1,4}[0-9]{1,4},? [0-9]{5} [A-Z][a-z]{1,20}\\b", nullptr, PostalAddress},
    {"exfiltration-link", "link", "\\]\\(https?://", "!?\\[[^\\]\\n]{0,80}\\]\\(https?://[^\\s)]{0,400}\\)?", DataCarryingLink},
    {"exfiltration-link", "image-tag", "<img\\b", "<img\\b[^>]{0,480}>?", DataCarryingImage, true},
    {"insecure-code", "shell-from-web", "\\| ?(?:sudo )?(?:ba|z)?sh\\b", "\\b(?:curl|wget)\\b[^\\n]{0,240}", ShellFromWeb},
    {"insecure-code", "shell-injection", "\\b(?:os\\.system|os\\.popen|subprocess\\.(?:call|run|Popen|check_output))\\(",
     "\\b(?:os\\.system|os\\.popen|subprocess\\.(?:call|run|Popen|check_output))\\([^\\n]{0,160}", ShellInjection},
    {"insecure-code", "evaluates-input", "\\b(?:eval|exec)\\( ?(?:input|request|sys\\.argv|params|req\\.(?:body|query))", nullptr, AsFound},
    {"insecure-code", "unsafe-deserialisation", "\\b(?:(?:pickle|cPickle|dill|marshal)\\.loads?|yaml\\.load|new ObjectInputStream)\\(",
     "\\b(?:(?:pickle|cPickle|dill|marshal)\\.loads?|yaml\\.load|new ObjectInputStream)\\([^\\n)]{0,80}\\)?", UnsafeLoad},
    {"insecure-code", "sql-injection", "[\"'`] ?(?:SELECT|INSERT|UPDATE|DELETE) ", "[\"'`] ?(?:SELECT|INSERT|UPDATE|DELETE) [^\\n;]{0,160}", SqlFromParts},
    {"insecure-code", "no-certificate-check", "\\bverify ?= ?False\\b|\\bCURLOPT_SSL_VERIFYPEER,? ?(?:false|0)|\\brejectUnauthorized: ?false|\\bInsecureSkipVerify: ?true", nullptr, AsFound},
    {"insecure-code", "weak-password-hash", "\\b(?:md5|sha1)\\(", "\\b(?:md5|sha1)\\([^)\\n]{0,60}\\)?", WeakPasswordHash, true},
    {"insecure-code", "unbounded-copy", "\\bgets\\(|\\b(?:strcpy|strcat)\\( ?[A-Za-z_][A-Za-z0-9_]{0,40} ?, ?[A-Za-z_*&]", nullptr, AsFound},
    {"insecure-code", "script-injection", "\\.(?:innerHTML|outerHTML) ?\\+?= ?", "\\.(?:innerHTML|outerHTML) ?\\+?= ?[^\\n;]{0,80}", ScriptInjection},
    {"insecure-code", "open-to-all", "\\bchmod (?:-R )?0?777\\b", nullptr, AsFound},
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

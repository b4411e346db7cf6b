// Exceptions to a declared gate: signed, bound to one candidate, and over some day.
#include <algorithm>

#include "measure/eval/declared_gate.h"

namespace plumb::eval {
namespace {

constexpr auto kLongest = std::chrono::hours(24 * 90);

json::object Unsigned(const Exception& e) {
  return {{"declaration_sha256", e.declaration_sha256}, {"check", e.check}, {"candidate", e.candidate}, {"reason", e.reason},
          {"by", e.by}, {"granted", e.granted}, {"expires", e.expires}};
}

// What is signed: the canonical form, after a word that says what it is.
Result<std::string> Signed(const Exception& e) {
  PLUMB_TRY(const std::string canonical, CanonicalJson(Unsigned(e)));
  return "plumb-gate-exception-1\n" + canonical;
}

const Approver* FindApprover(const Declaration& declaration, const std::string& name) {
  const auto found = std::ranges::find(declaration.approvers, name, &Approver::name);
  return found == declaration.approvers.end() ? nullptr : &*found;
}

// Why an exception does not hold; empty where it does.
std::string WhyNot(const Exception& e, const Gate& gate, const Declaration& declaration, Time now) {
  const Approver* approver = FindApprover(declaration, e.by);
  if (!approver) return fmt::format("'{}' is no approver of this gate", e.by);
  if (e.by == declaration.owner) return "the release's owner may not grant it";
  if (e.declaration_sha256 != declaration.sha256) return "it was granted for another declaration";
  if (e.candidate != gate.candidate) return "it was granted for another candidate";
  const auto text = Signed(e);
  const auto key = HexDecode(approver->key), signature = Base64Decode(e.signature);
  if (!text || !key || !signature || signature->size() != 64 || !Ed25519Verify(*key, *text, *signature)) return "its signature does not verify";
  const auto granted = ParseTime(e.granted), expires = ParseTime(e.expires);
  if (!granted || !expires || *expires - *granted > kLongest) return "it is granted for longer than 90 days";
  if (now < *granted) return "it is not yet in force";
  if (now >= *expires) return fmt::format("it expired {}", e.expires);
  return "";
}

}  // namespace

Result<Exception> GrantException(const Declaration& declaration, Exception e, std::string_view seed) {
  const Approver* approver = FindApprover(declaration, e.by);
  if (!approver) return Fail(Code::kPermission, "'{}' is no approver of gate '{}'", e.by, declaration.name);
  if (HexEncode(Ed25519PublicKey(seed)) != Lower(approver->key)) return Fail(Code::kPermission, "this is not the key of '{}'", e.by);
  if (Trim(e.reason).empty()) return Fail(Code::kInvalid, "an exception needs a reason");
  PLUMB_TRY(const Time granted, ParseTime(e.granted));
  PLUMB_TRY(const Time expires, ParseTime(e.expires));
  if (expires <= granted || expires - granted > kLongest) return Fail(Code::kInvalid, "an exception lasts at most 90 days");
  e.declaration_sha256 = declaration.sha256;
  PLUMB_TRY(const std::string text, Signed(e));
  e.signature = Base64Encode(Ed25519Sign(seed, text));
  return e;
}

json::object ExceptionJson(const Exception& exception) {
  json::object out = Unsigned(exception);
  out["signature"] = exception.signature;
  return out;
}

Result<std::vector<Exception>> ReadExceptions(const fs::path& file) {
  PLUMB_TRY(const std::vector<json::object> rows, ReadJsonl(file));
  std::vector<Exception> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    Exception e;
    for (const auto& [key, field] : {std::pair{"declaration_sha256", &e.declaration_sha256}, {"check", &e.check}, {"candidate", &e.candidate},
                                     {"reason", &e.reason}, {"by", &e.by}, {"granted", &e.granted}, {"expires", &e.expires},
                                     {"signature", &e.signature}}) {
      auto text = GetString(rows[i], key);
      if (!text) return FailAt(fmt::format("{}: row {}", file.string(), i + 1), Code::kInvalid, "{}", text.error().message);
      *field = std::move(*text);
    }
    out.push_back(std::move(e));
  }
  return out;
}

void ApplyExceptions(Gate& gate, const Declaration& declaration, const std::vector<Exception>& exceptions, Time now) {
  for (Check& check : gate.checks) {
    if (check.decision == Decision::kPassed) continue;
    for (const Exception& e : exceptions) {
      if (e.check != check.id || !check.exception.empty()) continue;
      const std::string why = WhyNot(e, gate, declaration, now);
      if (why.empty()) check.exception = fmt::format("excepted by {} until {}: {}", e.by, e.expires, e.reason);
      else check.finding += fmt::format("; the exception by {} does not hold: {}", e.by, why);
    }
  }
  gate.decision = DecisionOf(gate.checks);
}

}  // namespace plumb::eval

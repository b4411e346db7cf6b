#include "evidence/ledger/checkpoint.h"

#include <charconv>

#include "base/core/hash.h"
#include "base/core/text.h"

namespace plumb::ledger {
namespace {

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // em dash and a space

// C2SP signed-note: the first four bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key).
std::string KeyId(std::string_view origin, std::string_view public_key) {
  return Sha256(std::string(origin).append("\n").append(1, '\1').append(public_key)).substr(0, 4);
}

std::string Body(const Checkpoint& c) {
  return fmt::format("{}\n{}\n{}\n", c.origin, c.size, Base64Encode(c.root));
}

}  // namespace

std::string SignCheckpoint(const Checkpoint& checkpoint, std::string_view seed) {
  const std::string body = Body(checkpoint);
  const std::string signature = KeyId(checkpoint.origin, Ed25519PublicKey(seed)) + Ed25519Sign(seed, body);
  return fmt::format("{}\n{}{} {}\n", body, kDash, checkpoint.origin, Base64Encode(signature));
}

Result<Checkpoint> OpenCheckpoint(std::string_view note, std::string_view public_key) {
  const size_t end = note.find("\n\n");
  if (end == std::string_view::npos) return Fail(Code::kCorrupt, "a checkpoint has no signature part");
  const std::string_view body = note.substr(0, end + 1);
  const auto lines = Split(body, '\n');
  if (lines.size() != 4) return Fail(Code::kCorrupt, "a checkpoint has {} lines, must have 3", lines.size() - 1);
  Checkpoint checkpoint{std::string(lines[0]), 0, {}};
  auto [rest, error] = std::from_chars(lines[1].data(), lines[1].data() + lines[1].size(), checkpoint.size);
  auto root = Base64Decode(lines[2]);
  if (error != std::errc() || rest != lines[1].data() + lines[1].size() || !root || root->size() != 32)
    return Fail(Code::kCorrupt, "a checkpoint's size or root is malformed");
  checkpoint.root = *root;
  if (Body(checkpoint) != body) return Fail(Code::kCorrupt, "a checkpoint is not in its canonical form");
  const std::string expected = std::string(kDash) + checkpoint.origin + " ";
  std::string_view signatures = note.substr(end + 2);
  if (signatures.empty() || signatures.back() != '\n') return Fail(Code::kCorrupt, "a checkpoint's signature is cut short");
  signatures.remove_suffix(1);
  for (std::string_view line : Split(signatures, '\n')) {
    if (!line.starts_with(expected)) return Fail(Code::kCorrupt, "a checkpoint's signature line is malformed");
    auto signature = Base64Decode(line.substr(expected.size()));
    if (!signature || signature->size() != 68 || signature->substr(0, 4) != KeyId(checkpoint.origin, public_key) ||
        Base64Encode(*signature) != line.substr(expected.size()) ||
        !Ed25519Verify(public_key, body, std::string_view(*signature).substr(4)))
      return Fail(Code::kCorrupt, "the signature of the checkpoint at size {} does not verify", checkpoint.size);
  }
  return checkpoint;
}

std::string EncodeVerifierKey(std::string_view origin, std::string_view public_key) {
  return fmt::format("{}+{}+{}", origin, HexEncode(KeyId(origin, public_key)),
                     Base64Encode(std::string(1, '\1').append(public_key)));
}

Result<std::string> DecodeVerifierKey(std::string_view key, std::string& origin) {
  const size_t first = key.find('+'), second = first == std::string_view::npos ? first : key.find('+', first + 1);
  if (second == std::string_view::npos) return Fail(Code::kInvalid, "not a verifier key: must be origin+keyid+base64");
  origin = key.substr(0, first);
  PLUMB_TRY(auto bytes, Base64Decode(Trim(key.substr(second + 1))));
  if (bytes.size() != 33 || bytes[0] != 1 || HexEncode(KeyId(origin, bytes.substr(1))) != key.substr(first + 1, second - first - 1))
    return Fail(Code::kInvalid, "the verifier key is damaged: its id does not match its key");
  return bytes.substr(1);
}

}  // namespace plumb::ledger

// Any bytes as a proof, a signed head or a verifier key: refused, and never a crash. Nothing random
// can be a proof: the key it is checked with signed nothing.
#include <cstdint>
#include <cstdlib>

#include "base/core/core.h"
#include "evidence/ledger/checkpoint.h"
#include "evidence/ledger/ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb;
  static const std::string seed(32, 's');
  static const std::string public_key = Ed25519PublicKey(seed);
  static const std::string key = ledger::EncodeVerifierKey("plumbline/fuzz", public_key);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string origin;
  if (auto decoded = ledger::DecodeVerifierKey(text, origin); decoded && decoded->size() != 32)
    std::abort();
  if (ledger::OpenCheckpoint(text, public_key)) std::abort();
  auto value = ParseJson(text);
  if (!value || !value->is_object()) return 0;
  json::object proof = value->get_object();
  if (ledger::CheckProof(proof, key)) std::abort();
  // With a head that is signed, so that what follows the signature is read too.
  const auto tree_size = static_cast<uint64_t>(GetIntOr(proof, "tree_size", 1).value_or(1));
  proof["checkpoint"] =
      ledger::SignCheckpoint({"plumbline/fuzz", tree_size, std::string(32, 'r')}, seed);
  (void)ledger::CheckProof(proof, key);
  return 0;
}

// Signed tree heads: C2SP tlog-checkpoint in a C2SP signed note (Ed25519).
//
//   plumbline/3f2a…            origin: names the log
//   1234                       tree size
//   CsUYapGGPo4dkMgIAUqom…     root hash, base64
//                              empty line
//   — plumbline/3f2a… Az3gr…   base64(4-byte key id ‖ 64-byte signature)
#pragma once

#include <cstdint>
#include <string>

#include "base/core/result.h"

namespace plumb::ledger {

struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  std::string root;  // 32 raw bytes
};

// `seed` is the 32-byte Ed25519 seed.
std::string SignCheckpoint(const Checkpoint& checkpoint, std::string_view seed);

// Checks the signature and parses. Error: kCorrupt.
Result<Checkpoint> OpenCheckpoint(std::string_view note, std::string_view public_key);

// A C2SP verifier key: "<origin>+<key id in hex>+<base64(0x01 ‖ public key)>"; what an outsider needs to check us.
std::string EncodeVerifierKey(std::string_view origin, std::string_view public_key);
// Returns the raw public key and sets `origin`. Error: kInvalid.
Result<std::string> DecodeVerifierKey(std::string_view key, std::string& origin);

}  // namespace plumb::ledger

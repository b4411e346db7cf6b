// Hashes, signatures and the encodings they travel in (OpenSSL underneath).
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace plumb {

// Raw bytes travel as std::string.

// 32 bytes. FIPS 180-4.
std::string Sha256(std::string_view bytes);
// The same as 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);
// SHA-256 of a file's bytes, in hex, without holding the file in memory. Errors: kNotFound, kIo.
Result<std::string> Sha256File(const std::string& path);
// 32 bytes. RFC 2104.
std::string HmacSha256(std::string_view key, std::string_view bytes);

std::string HexEncode(std::string_view bytes);
Result<std::string> HexDecode(std::string_view hex);
// RFC 4648 §4, padded.
std::string Base64Encode(std::string_view bytes);
Result<std::string> Base64Decode(std::string_view text);

// `n` bytes from the operating system's generator.
std::string RandomBytes(size_t n);

// Ed25519 (RFC 8032). Keys and signatures are raw bytes: 32-byte seed, 32-byte public key, 64-byte signature.
std::string Ed25519PublicKey(std::string_view seed);
std::string Ed25519Sign(std::string_view seed, std::string_view message);
bool Ed25519Verify(std::string_view public_key, std::string_view message, std::string_view signature);

// AES-256-GCM with a random 12-byte nonce in front and the 16-byte tag behind. `key` is 32 bytes; `context` is
// authenticated and not stored. Open fails with kCorrupt where anything was changed.
std::string Seal(std::string_view key, std::string_view plain, std::string_view context);
Result<std::string> Open(std::string_view key, std::string_view sealed, std::string_view context);

}  // namespace plumb

// base/core: what every room stands on, and nothing that knows what alignment is.
//
//   result.h  Result<T>, Error: the one way to fail
//   json.h    parsing with line and column, RFC 8785 canonical form, JSONL
//   files.h   whole-file reads, atomic writes
//   hash.h    SHA-256, Ed25519, hex, base64, random bytes
//   ids.h     sortable identifiers
//   clock.h   time, passed in rather than read
//   text.h    UTF-8, splitting, nearest names
//
//   Result<json::value> config = ReadJson("plumb.json");
//   if (!config) return std::unexpected(Context(config.error(), "starting"));
//
// Everything here is a function of its arguments and safe to call from any thread, but for reading files and random
// bytes.
#pragma once

#include "base/core/clock.h"
#include "base/core/files.h"
#include "base/core/hash.h"
#include "base/core/ids.h"
#include "base/core/json.h"
#include "base/core/result.h"
#include "base/core/text.h"

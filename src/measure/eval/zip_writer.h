// A zip archive whose members are compressed whenever their texts are there; minizip puts it together at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"

namespace plumb::eval {

struct ZipMember {
  std::string name;      // UTF-8, at most 65,535 bytes
  std::string deflated;  // raw, RFC 1951
  uint32_t crc = 0;      // CRC-32 of the text
  uint64_t size = 0;     // of the text, in bytes
};

// Compresses one text after the other; not to be shared between threads.
class Deflater {
 public:
  Deflater();
  ~Deflater();
  ZipMember Member(std::string name, std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Writes the archive atomically, with its members in this order and one fixed date, so that the same members are the same
// bytes. Errors: kIo; kInvalid (a member of 4 GiB or more, a name that is too long).
Status WriteZip(const fs::path& file, const std::vector<const ZipMember*>& members);

}  // namespace plumb::eval

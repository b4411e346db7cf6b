#include "measure/eval/zip_writer.h"

#include <zlib.h>

#include <cassert>
#include <limits>

namespace plumb::eval {
namespace {

constexpr uint64_t kMax32 = std::numeric_limits<uint32_t>::max();
constexpr uint64_t kMax16 = std::numeric_limits<uint16_t>::max();
constexpr uint16_t kDeflate = 8, kUtf8Name = 1 << 11, kVersion = 20, kVersion64 = 45;
constexpr uint16_t kMidnight = 0, kFirstDay = 0x21;  // 1980-01-01 00:00, the earliest there is

// Little-endian.
void Put16(std::string& out, uint64_t value) {
  for (int shift = 0; shift < 16; shift += 8) out += static_cast<char>(value >> shift);
}
void Put32(std::string& out, uint64_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
}
void Put64(std::string& out, uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(value >> shift);
}

// What a member's local and its central header have in common (4.3.7, 4.3.12).
void PutFields(std::string& out, const ZipMember& member, uint16_t version, size_t extra_bytes) {
  Put16(out, version);
  Put16(out, kUtf8Name);
  Put16(out, kDeflate);
  Put16(out, kMidnight);
  Put16(out, kFirstDay);
  Put32(out, member.crc);
  Put32(out, member.deflated.size());
  Put32(out, member.size);
  Put16(out, member.name.size());
  Put16(out, extra_bytes);
}

void PutLocal(std::string& out, const ZipMember& member) {
  Put32(out, 0x04034b50);
  PutFields(out, member, kVersion, 0);
  out += member.name;
  out += member.deflated;
}

void PutCentral(std::string& out, const ZipMember& member, uint64_t offset) {
  const bool far = offset >= kMax32;
  const uint16_t version = far ? kVersion64 : kVersion;
  Put32(out, 0x02014b50);
  Put16(out, version);
  PutFields(out, member, version, far ? 12 : 0);
  Put16(out, 0);  // comment
  Put16(out, 0);  // disk
  Put16(out, 0);  // internal attributes
  Put32(out, 0);  // external attributes
  Put32(out, far ? kMax32 : offset);
  out += member.name;
  if (!far) return;
  Put16(out, 1);  // the zip64 extra field (4.5.3)
  Put16(out, 8);
  Put64(out, offset);
}

void PutEnd(std::string& out, uint64_t members, uint64_t start, uint64_t bytes) {
  const uint64_t end = start + bytes;
  if (members >= kMax16 || start >= kMax32 || bytes >= kMax32) {
    Put32(out, 0x06064b50);  // zip64 end of central directory (4.3.14)
    Put64(out, 44);
    Put16(out, kVersion64);
    Put16(out, kVersion64);
    Put32(out, 0);
    Put32(out, 0);
    Put64(out, members);
    Put64(out, members);
    Put64(out, bytes);
    Put64(out, start);
    Put32(out, 0x07064b50);  // its locator (4.3.15)
    Put32(out, 0);
    Put64(out, end);
    Put32(out, 1);
  }
  Put32(out, 0x06054b50);  // end of central directory (4.3.16)
  Put16(out, 0);
  Put16(out, 0);
  Put16(out, std::min(members, kMax16));
  Put16(out, std::min(members, kMax16));
  Put32(out, std::min(bytes, kMax32));
  Put32(out, std::min(start, kMax32));
  Put16(out, 0);
}

}  // namespace

struct Deflater::State {
  z_stream stream{};
};

Deflater::Deflater() : state_(std::make_unique<State>()) {
  // Negative window bits: raw deflate, as zip has it.
  const int made = deflateInit2(&state_->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  assert(made == Z_OK);
  static_cast<void>(made);
}
Deflater::~Deflater() { deflateEnd(&state_->stream); }

ZipMember Deflater::Member(std::string name, std::string_view text) {
  z_stream& stream = state_->stream;
  deflateReset(&stream);
  ZipMember member{.name = std::move(name), .deflated = {}, .crc = 0, .size = text.size()};
  member.crc = static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
  member.deflated.resize(deflateBound(&stream, text.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.next_out = reinterpret_cast<Bytef*>(member.deflated.data());
  // zlib counts in 32 bits: longer texts go in and out in parts.
  uint64_t in = text.size(), out = member.deflated.size();
  int state = Z_OK;
  while (state == Z_OK) {
    const uInt in_part = static_cast<uInt>(std::min<uint64_t>(in, 1u << 30));
    const uInt out_part = static_cast<uInt>(std::min<uint64_t>(out, 1u << 30));
    stream.avail_in = in_part;
    stream.avail_out = out_part;
    state = deflate(&stream, in_part == in ? Z_FINISH : Z_NO_FLUSH);
    in -= in_part - stream.avail_in;
    out -= out_part - stream.avail_out;
  }
  assert(state == Z_STREAM_END);
  member.deflated.resize(member.deflated.size() - out);
  member.deflated.shrink_to_fit();
  return member;
}

Status WriteZip(const fs::path& file, const std::vector<const ZipMember*>& members) {
  std::string archive, central;
  for (const ZipMember* member : members) {
    if (member->size >= kMax32 || member->deflated.size() >= kMax32 || member->name.size() > kMax16)
      return FailAt(file.string(), Code::kInvalid, "'{}' is too long for a zip", member->name.substr(0, 80));
    PutCentral(central, *member, archive.size());
    PutLocal(archive, *member);
  }
  const uint64_t start = archive.size();
  archive += central;
  PutEnd(archive, members.size(), start, central.size());
  return WriteFileAtomic(file, archive);
}

}  // namespace plumb::eval

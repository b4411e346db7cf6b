#include "measure/eval/zip_writer.h"

#include <minizip/zip.h>
#include <zlib.h>

#include <cassert>
#include <limits>

namespace plumb::eval {
namespace {

constexpr uLong kUtf8Name = 1 << 11;
constexpr uLong kFirstDay = 0x21 << 16;  // 1980-01-01 00:00, the earliest there is

// The member's bytes as they are; they were compressed before.
int AddRaw(zipFile zip, const ZipMember& member) {
  zip_fileinfo info{};
  info.dosDate = kFirstDay;
  int code = zipOpenNewFileInZip4_64(zip, member.name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr, Z_DEFLATED, Z_DEFAULT_COMPRESSION,
                                     /*raw=*/1, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, nullptr, 0, 0, kUtf8Name, /*zip64=*/0);
  if (code == ZIP_OK) code = zipWriteInFileInZip(zip, member.deflated.data(), static_cast<unsigned>(member.deflated.size()));
  return code == ZIP_OK ? zipCloseFileInZipRaw64(zip, member.size, member.crc) : code;
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
  constexpr uint64_t kMax32 = std::numeric_limits<uint32_t>::max(), kMax16 = std::numeric_limits<uint16_t>::max();
  for (const ZipMember* member : members)
    if (member->size >= kMax32 || member->deflated.size() >= kMax32 || member->name.size() > kMax16)
      return FailAt(file.string(), Code::kInvalid, "'{}' is too long for a zip", member->name.substr(0, 80));
  const TempFolder folder;
  const fs::path made = folder.path() / "archive.zip";
  const zipFile zip = zipOpen64(made.c_str(), APPEND_STATUS_CREATE);
  int code = zip ? ZIP_OK : ZIP_ERRNO;
  for (size_t i = 0; i < members.size() && code == ZIP_OK; ++i) code = AddRaw(zip, *members[i]);
  if (zip && zipClose(zip, nullptr) != ZIP_OK) code = ZIP_ERRNO;
  if (code != ZIP_OK) return FailAt(file.string(), Code::kIo, "the zip could not be written (minizip {})", code);
  PLUMB_TRY(const std::string archive, ReadFile(made));
  return WriteFileAtomic(file, archive);
}

}  // namespace plumb::eval

#include "model/train/tensorboard.h"

#include <array>
#include <bit>
#include <cstring>
#include <fstream>

namespace plumb::train {
namespace {

template <class T>
std::string Bytes(T value) {
  static_assert(std::endian::native == std::endian::little);
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

// Protocol buffers: a field's key is its number and its wire type.
constexpr int kVarint = 0, kDouble = 1, kBytes = 2, kFloat = 5;
std::string Field(int number, int type, const std::string& value) {
  const std::string key = Varint(static_cast<uint64_t>(number << 3 | type));
  return key + (type == kBytes ? Varint(value.size()) : "") + value;
}

}  // namespace

uint32_t MaskedCrc32c(std::string_view data) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ (t[i] & 1 ? 0x82f63b78u : 0);
    }
    return t;
  }();
  uint32_t crc = ~0u;
  for (const char c : data) crc = table[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ crc >> 8;
  crc = ~crc;
  return std::rotr(crc, 15) + 0xa282ead8u;
}

Status TensorBoard::Write(const std::string& event) {
  std::ofstream out(file_, std::ios::binary | std::ios::app);
  const std::string length = Bytes(static_cast<uint64_t>(event.size()));
  out << length << Bytes(MaskedCrc32c(length)) << event << Bytes(MaskedCrc32c(event));
  out.flush();
  if (!out) return FailAt(file_.string(), Code::kIo, "cannot be written");
  return {};
}

Status TensorBoard::Add(int64_t step, const json::object& row) {
  const double now = wall_seconds_();
  if (file_.empty()) {
    PLUMB_CHECK(MakeFolder(folder_));
    file_ = folder_ / fmt::format("events.out.tfevents.{:010d}.plumb.{}", static_cast<int64_t>(now),
                                  first_step_);
    PLUMB_CHECK(Write(Field(1, kDouble, Bytes(now)) + Field(3, kBytes, "brain.Event:2")));
  }
  std::string summary;
  for (const auto& item : row) {
    if (!item.value().is_number()) continue;
    const auto value = static_cast<float>(item.value().to_number<double>());
    summary += Field(
        1, kBytes,
        Field(1, kBytes, "train/" + std::string(item.key())) + Field(2, kFloat, Bytes(value)));
  }
  return Write(Field(1, kDouble, Bytes(now)) +
               Field(2, kVarint, Varint(static_cast<uint64_t>(step))) + Field(5, kBytes, summary));
}

}  // namespace plumb::train

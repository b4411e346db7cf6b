#include "model/train/tensorboard.h"

#include <gtest/gtest.h>

#include <cstring>

namespace plumb::train {
namespace {

TEST(TensorBoard, TheChecksumIsTfRecords) {
  // CRC-32C of "123456789" is 0xe3069283 (RFC 3720's algorithm, its published check value).
  const uint32_t crc = 0xe3069283u;
  EXPECT_EQ(MaskedCrc32c("123456789"), ((crc >> 15) | (crc << 17)) + 0xa282ead8u);
}

TEST(TensorBoard, RecordsAreFramedAndHoldTheirNumbers) {
  TempFolder folder;
  TensorBoard board(folder.path() / "tensorboard", 0, [] { return 1795000000.5; });
  ASSERT_TRUE(board.Add(3, {{"loss", 0.25}, {"note", "text is left out"}}));
  ASSERT_TRUE(board.Add(6, {{"loss", 0.125}}));
  fs::path file;
  for (const auto& entry : fs::directory_iterator(folder.path() / "tensorboard"))
    file = entry.path();
  EXPECT_EQ(file.filename(), "events.out.tfevents.1795000000.plumb.0");
  const std::string bytes = *ReadFile(file);
  std::vector<std::string> events;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t length = 0;
    uint32_t crc = 0;
    std::memcpy(&length, bytes.data() + at, 8);
    std::memcpy(&crc, bytes.data() + at + 8, 4);
    EXPECT_EQ(crc, MaskedCrc32c(std::string_view(bytes).substr(at, 8)));
    events.push_back(bytes.substr(at + 12, length));
    std::memcpy(&crc, bytes.data() + at + 12 + length, 4);
    EXPECT_EQ(crc, MaskedCrc32c(events.back()));
    at += 16 + length;
  }
  ASSERT_EQ(events.size(), 3u);
  EXPECT_NE(events[0].find("brain.Event:2"), std::string::npos);
  EXPECT_NE(events[1].find("train/loss"), std::string::npos);
  EXPECT_EQ(events[1].find("note"), std::string::npos);
  const float quarter = 0.25;
  EXPECT_NE(events[1].find(std::string(reinterpret_cast<const char*>(&quarter), 4)),
            std::string::npos);
}

}  // namespace
}  // namespace plumb::train

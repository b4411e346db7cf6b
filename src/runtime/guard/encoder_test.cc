#include "runtime/guard/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::guard {
namespace {

TEST(OpenEncoder, TakesHeadsAndModelFromTheFolder) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "adapter_config.json", R"({"heads": ["unsafe", "weapons"]})"));
  const auto encoder = OpenEncoder("minilm", folder.path(), {});
  ASSERT_TRUE(encoder) << encoder.error().Text();
  EXPECT_THAT((*encoder)->heads(), testing::ElementsAre("unsafe", "weapons"));
  EXPECT_EQ((*encoder)->model(), "minilm+" + folder.path().string());
}

TEST(EncoderBase, IsWhatTheAdapterWasTrainedOn) {
  TempFolder folder;
  EXPECT_EQ(EncoderBase(folder.path()).error().code, Code::kNotFound);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "adapter_config.json", R"({"base_model_name_or_path": "bge-small", "heads": ["unsafe"]})"));
  EXPECT_EQ(EncoderBase(folder.path()).value_or(""), "bge-small");
  for (const char* wrong : {"[]", R"({"heads": ["unsafe"]})", R"({"base_model_name_or_path": 3})"}) {
    ASSERT_TRUE(WriteFileAtomic(folder.path() / "adapter_config.json", wrong));
    EXPECT_FALSE(EncoderBase(folder.path())) << wrong;
  }
}

TEST(OpenEncoder, AFolderThatIsNoClassifierIsRefused) {
  TempFolder folder;
  EXPECT_EQ(OpenEncoder("minilm", folder.path(), {}).error().code, Code::kNotFound);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "adapter_config.json", R"({"peft_type": "LORA"})"));
  const auto encoder = OpenEncoder("minilm", folder.path(), {});
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, Code::kCorrupt);
  EXPECT_THAT(encoder.error().Text(), testing::HasSubstr("names no heads"));
}

}  // namespace
}  // namespace plumb::guard

#include "base/core/secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/core/files.h"

namespace plumb {
namespace {

std::string None(const std::string&) { return ""; }

TEST(Secret, FromEnvironmentFileOrCommand) {
  TempFolder folder;
  const std::string file = (folder.path() / "key").string();
  ASSERT_TRUE(WriteFileAtomic(file, "from-file\n"));
  EXPECT_EQ(*ReadSecret({.env = "KEY"}, [](const std::string& name) { return "value of " + name; }), "value of KEY");
  EXPECT_EQ(*ReadSecret({.file = file}, None), "from-file");
  EXPECT_EQ(*ReadSecret({.command = "printf 'from-%s\\n' command"}, None), "from-command");
}

TEST(Secret, FailuresNeverCarryWhatWasRead) {
  auto failed = ReadSecret({.command = "echo half-a-secret; exit 3"}, None);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kPermission);
  EXPECT_EQ(failed.error().message, "the command for a secret failed with exit status 3");
  EXPECT_EQ(ReadSecret({.command = "true"}, None).error().code, Code::kPermission);
  EXPECT_EQ(ReadSecret({.env = "KEY"}, None).error().message, "the environment variable KEY is not set");
  EXPECT_EQ(ReadSecret({.file = "/nowhere/key"}, None).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace plumb

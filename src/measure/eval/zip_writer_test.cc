#include "measure/eval/zip_writer.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace plumb::eval {
namespace {

// What another reader of zips finds: Python's zipfile checks names, sizes and CRCs. Prints "members bytes first-text".
std::string Read(const fs::path& file) {
  if (std::system("python3 -c 1 >/dev/null 2>&1") != 0) return "no python3";
  const std::string script =
      "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; n=z.namelist();"
      "print(len(n), sum(i.file_size for i in z.infolist()), n[0], n[-1], z.read(n[0]).decode())";
  const fs::path out = file.string() + ".txt";
  const std::string command = fmt::format("python3 -c '{}' '{}' > '{}' 2>&1", script, file.string(), out.string());
  if (std::system(command.c_str()) != 0) return "not a zip: " + ReadFile(out).value_or("");
  return ReadFile(out).value_or("");
}

TEST(WriteZip, IsReadByAnotherProgram) {
  TempFolder folder;
  Deflater deflater;
  const std::string text = "{\"text\":\"s\u00e3o \u4e2d\"}";
  const ZipMember members[] = {deflater.Member("samples/a_epoch_1.json", text), deflater.Member("empty", ""),
                               deflater.Member("l\u00e4nge", std::string(1 << 20, 'x'))};
  EXPECT_LT(members[2].deflated.size(), 2000u);
  ASSERT_TRUE(WriteZip(folder.path() / "a.zip", {&members[0], &members[1], &members[2]}));
  const std::string read = Read(folder.path() / "a.zip");
  if (read == "no python3") GTEST_SKIP() << read;
  EXPECT_EQ(read, fmt::format("3 {} samples/a_epoch_1.json l\u00e4nge {}\n", text.size() + (1 << 20), text));
}

// 65,535 members are what the old record of the end can count.
TEST(WriteZip, HoldsMoreMembersThanSixteenBitsCount) {
  TempFolder folder;
  Deflater deflater;
  std::vector<ZipMember> members;
  for (int i = 0; i < 65'600; ++i) members.push_back(deflater.Member(fmt::format("m{}", i), "x"));
  std::vector<const ZipMember*> all;
  for (const ZipMember& member : members) all.push_back(&member);
  ASSERT_TRUE(WriteZip(folder.path() / "a.zip", all));
  const std::string read = Read(folder.path() / "a.zip");
  if (read == "no python3") GTEST_SKIP() << read;
  EXPECT_EQ(read, "65600 65600 m0 m65599 x\n");
}

TEST(WriteZip, TheSameMembersAreTheSameBytes) {
  TempFolder folder;
  for (const char* name : {"a.zip", "b.zip"}) {
    Deflater deflater;
    static_cast<void>(deflater.Member("before", name));  // what was compressed before leaves no trace
    const ZipMember member = deflater.Member("m", "the text");
    ASSERT_TRUE(WriteZip(folder.path() / name, {&member}));
  }
  EXPECT_EQ(ReadFile(folder.path() / "a.zip").value(), ReadFile(folder.path() / "b.zip").value());
}

TEST(WriteZip, ANameThatIsTooLongIsRefused) {
  TempFolder folder;
  Deflater deflater;
  const ZipMember member = deflater.Member(std::string(70'000, 'n'), "x");
  const Status written = WriteZip(folder.path() / "a.zip", {&member});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace plumb::eval

#include "evidence/ledger/ledger.h"

#include <gtest/gtest.h>

#include "evidence/ledger/ledger_fixture_test.h"

namespace plumb::ledger {
namespace {

TEST(Ledger, AppendedEntriesComeBackAndVerify) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  auto ledger = OpenOrDie(path);
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(ledger->Append(Exchange(i))->id);
  auto stored = ledger->Get(ids[7]);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->index, 7u);
  EXPECT_EQ(stored->body.at("n"), 7);
  EXPECT_EQ(stored->texts.at("request"), "question 7");
  EXPECT_EQ(stored->entry.find("question"), std::string::npos) << "personal text must not be in the leaf";
  auto newest = ledger->List({.limit = 3});
  ASSERT_EQ(newest->size(), 3u);
  EXPECT_EQ((*newest)[0].index, 19u);
  auto verification = ledger->Verify({});
  ASSERT_TRUE(verification);
  EXPECT_TRUE(verification->problems.empty()) << verification->problems[0].what;
  EXPECT_EQ(verification->size, 20u);
  EXPECT_EQ(verification->texts, 40u);
  EXPECT_FALSE(verification->witnessed);
  EXPECT_EQ(ledger->Get("nobody").error().code, Code::kNotFound);
}

TEST(Ledger, RefusesWhatItCannotHold) {
  TempFolder folder;
  auto ledger = OpenOrDie(folder.path() / "ledger.db");
  EXPECT_FALSE(ledger->Append({.kind = "x", .body = {{"n", int64_t{1} << 60}}}));
  EXPECT_FALSE(ledger->Append({.kind = "x", .texts = {{"request", "\xff"}}}));
  EXPECT_FALSE(ledger->Append({.kind = ""}));
  EXPECT_TRUE(ledger->Append({.kind = "x", .id = "one"}));
  EXPECT_EQ(ledger->Append({.kind = "x", .id = "one"}).error().code, Code::kConflict);
  EXPECT_EQ(ledger->Head()->size, 1u);
  EXPECT_TRUE(ledger->Verify({})->problems.empty());
}

TEST(Ledger, ProofsStandAlone) {
  TempFolder folder;
  auto ledger = OpenOrDie(folder.path() / "ledger.db");
  std::vector<std::string> ids;
  for (int i = 0; i < 11; ++i) ids.push_back(ledger->Append(Exchange(i))->id);
  for (const auto& id : ids) {
    auto proof = ledger->Prove(id);
    ASSERT_TRUE(proof);
    EXPECT_TRUE(CheckProof(*proof, ledger->VerifierKey()));
    (*proof)["entry"] = std::string((*proof)["entry"].as_string()) + " ";
    EXPECT_FALSE(CheckProof(*proof, ledger->VerifierKey()));
  }
  auto consistency = ledger->ProveConsistency(3, 8);
  ASSERT_TRUE(consistency);
  EXPECT_TRUE(CheckProof(*consistency, ledger->VerifierKey()));
  (*consistency)["from"] = 4;
  EXPECT_FALSE(CheckProof(*consistency, ledger->VerifierKey()));
  TempFolder other;
  EXPECT_FALSE(CheckProof(*ledger->Prove(ids[0]), OpenOrDie(other.path() / "l.db")->VerifierKey()));
}

// verify_proof.py shares no code with us.
TEST(Ledger, OutsideVerifierAgrees) {
  if (std::system("python3 -c 1 >/dev/null 2>&1") != 0) GTEST_SKIP() << "no python3 here";
  TempFolder folder;
  auto ledger = OpenOrDie(folder.path() / "ledger.db");
  std::string id;
  for (int i = 0; i < 6; ++i) id = ledger->Append(Exchange(i))->id;
  auto proof = *ledger->Prove(id);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "good.json", ToJson(proof)));
  auto consistency = *ledger->ProveConsistency(2, 5);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "grown.json", ToJson(consistency)));
  proof["index"] = 2;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "bad.json", ToJson(proof)));
  auto run = [&](const char* name) {
    const auto command = fmt::format("python3 {}/src/evidence/ledger/verify_proof.py {} '{}' >/dev/null 2>&1", PLUMB_SOURCE_DIR,
                                     (folder.path() / name).string(), ledger->VerifierKey());
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(run("good.json"), 0);
  EXPECT_EQ(run("grown.json"), 0);
  EXPECT_EQ(run("bad.json"), 1);
}

TEST(LedgerErasure, TextIsGoneAndTheTreeStillVerifies) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  // Longer than what keys and ciphertext may hold by chance.
  const std::string subject = "ann.lindqvist@example.org";
  std::string id, child, grandchild;
  {
    auto ledger = OpenOrDie(path);
    id = ledger->Append({.kind = "exchange", .subject = subject, .texts = {{"request", "my unusual secret phrase"}}})->id;
    child = ledger->Append({.kind = "finding", .derived_from = {id}})->id;
    grandchild = ledger->Append({.kind = "pair", .derived_from = {child}})->id;
    ASSERT_TRUE(ledger->Append({.kind = "exchange", .subject = "bob", .texts = {{"request", "stays"}}}));
    auto erasure = ledger->Erase(subject, "her request");
    ASSERT_TRUE(erasure) << erasure.error().Text();
    EXPECT_EQ(erasure->texts, 1u);
    EXPECT_EQ(erasure->stale, (std::vector<std::string>{child, grandchild})) << "in order of id";
    EXPECT_TRUE(ledger->Get(id)->texts.at("request").is_null());
    EXPECT_TRUE(CheckProof(*ledger->Prove(id), ledger->VerifierKey()));
    EXPECT_EQ(ledger->Erase(subject, "again").error().code, Code::kNotFound);
  }
  EXPECT_TRUE(ProblemsOf(path).empty());
  const auto bytes = *ReadFile(path);
  EXPECT_EQ(bytes.find(subject), std::string::npos) << "the subject's name is gone from the file";
}

}  // namespace
}  // namespace plumb::ledger

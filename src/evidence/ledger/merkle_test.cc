#include "evidence/ledger/merkle.h"

#include <gtest/gtest.h>

#include <map>

#include "base/core/hash.h"

namespace plumb::ledger {
namespace {

struct Tree {
  std::map<std::pair<int, uint64_t>, std::string> nodes;
  std::vector<std::string> roots = {EmptyRoot()};
  Frontier frontier;

  void Add(const std::string& entry) {
    frontier.Append(LeafHash(entry), [&](int level, uint64_t index, const std::string& hash) { nodes[{level, index}] = hash; });
    roots.push_back(frontier.Root());
  }
  NodeReader reader() const {
    return [this](int level, uint64_t index) -> Result<std::string> {
      auto at = nodes.find({level, index});
      if (at == nodes.end()) return Fail(Code::kCorrupt, "no node {}/{}", level, index);
      return at->second;
    };
  }
};

// The eight inputs and roots of the Certificate Transparency reference tests (merkletree/merkle_tree_test.cc).
TEST(Merkle, RootsOfTheReferenceTree) {
  const char* inputs[] = {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const char* roots[] = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Tree tree;
  EXPECT_EQ(HexEncode(EmptyRoot()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (int i = 0; i < 8; ++i) {
    tree.Add(*HexDecode(inputs[i]));
    EXPECT_EQ(HexEncode(tree.frontier.Root()), roots[i]) << i;
  }
}

TEST(Merkle, EveryProofOfEverySizeVerifiesAndNoOther) {
  Tree tree;
  for (int i = 0; i < 40; ++i) tree.Add("entry " + std::to_string(i));
  for (uint64_t size = 1; size <= 40; ++size) {
    EXPECT_EQ(*RootAt(tree.reader(), size), tree.roots[size]);
    for (uint64_t index = 0; index < size; ++index) {
      const auto proof = *InclusionProof(tree.reader(), index, size);
      const auto leaf = LeafHash("entry " + std::to_string(index));
      EXPECT_TRUE(VerifyInclusion(leaf, index, size, proof, tree.roots[size]));
      EXPECT_FALSE(VerifyInclusion(LeafHash("x"), index, size, proof, tree.roots[size]));
      EXPECT_FALSE(VerifyInclusion(leaf, index, size, proof, tree.roots[size - 1]));
      if (size > 1) {
        EXPECT_FALSE(VerifyInclusion(leaf, (index + 1) % size, size, proof, tree.roots[size]));
      }
    }
    for (uint64_t from = 1; from <= size; ++from) {
      auto proof = *ConsistencyProof(tree.reader(), from, size);
      EXPECT_TRUE(VerifyConsistency(from, size, proof, tree.roots[from], tree.roots[size]));
      if (from < size) {
        EXPECT_FALSE(VerifyConsistency(from, size, proof, tree.roots[from - 1], tree.roots[size]));
        EXPECT_FALSE(VerifyConsistency(from, size, proof, tree.roots[from], EmptyRoot()));
        proof[0][0] ^= 1;
        EXPECT_FALSE(VerifyConsistency(from, size, proof, tree.roots[from], tree.roots[size]));
      }
    }
  }
  EXPECT_FALSE(InclusionProof(tree.reader(), 40, 40));
  EXPECT_FALSE(ConsistencyProof(tree.reader(), 0, 40));
}

TEST(Merkle, FrontierLoadsWhereItLeftOff) {
  Tree tree;
  for (int i = 0; i < 37; ++i) {
    tree.Add(std::to_string(i));
    auto loaded = Frontier::Load(tree.reader(), i + 1);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->Root(), tree.frontier.Root());
  }
}

}  // namespace
}  // namespace plumb::ledger

#include "evidence/ledger/verify.h"

#include <map>

#include "evidence/ledger/merkle.h"
#include "evidence/ledger/schema.h"
#include "evidence/ledger/texts.h"

namespace plumb::ledger {
namespace {

class Verifier {
 public:
  Verifier(Database& db, std::string origin, std::string public_key)
      : db_(db), origin_(std::move(origin)), public_key_(std::move(public_key)) {}

  Result<Verification> Run(const std::vector<std::string>& witness_notes) {
    PLUMB_CHECK(Integrity());
    PLUMB_CHECK(ReadCheckpoints());
    ReadWitnesses(witness_notes);
    PLUMB_CHECK(ReadEntries());
    PLUMB_CHECK(ReadTexts());
    PLUMB_CHECK(ReadNodesBack());
    out_.root = HexEncode(frontier_.Root());
    out_.size = frontier_.size();
    for (const auto& [size, _] : expected_)
      if (size > frontier_.size()) Note({}, fmt::format("a signed head covers {} entries, but only {} are here: the tail was cut off", size, frontier_.size()));
    if (frontier_.size() > newest_)
      Note(newest_, fmt::format("entries {} to {} are not covered by any signed head", newest_, frontier_.size() - 1));
    return std::move(out_);
  }

 private:
  void Note(std::optional<uint64_t> index, std::string what) { out_.problems.push_back({index, std::move(what)}); }

  Status Integrity() {
    PLUMB_TRY(auto check, db_.Prepare("PRAGMA integrity_check(20)"));
    for (;;) {
      PLUMB_TRY(const bool row, check.Step());
      if (!row) return {};
      if (check.Text(0) != "ok") Note({}, "the database file is damaged: " + check.Text(0));
    }
  }

  Status ReadCheckpoints() {
    PLUMB_TRY(auto list, db_.Prepare("SELECT size, note FROM checkpoints ORDER BY size"));
    for (;;) {
      PLUMB_TRY(const bool row, list.Step());
      if (!row) return {};
      ++out_.checkpoints;
      auto checkpoint = OpenCheckpoint(list.Text(1), public_key_);
      if (!checkpoint) {
        Note({}, checkpoint.error().Text());
      } else if (static_cast<int64_t>(checkpoint->size) != list.Int(0) || checkpoint->origin != origin_) {
        Note({}, fmt::format("the head stored for size {} is a head of {} at size {}", list.Int(0), checkpoint->origin, checkpoint->size));
      } else {
        expected_[checkpoint->size] = checkpoint->root;
        newest_ = std::max(newest_, checkpoint->size);
      }
    }
  }

  void ReadWitnesses(const std::vector<std::string>& notes) {
    for (const auto& note : notes) {
      auto checkpoint = OpenCheckpoint(note, public_key_);
      if (!checkpoint) {
        Note({}, "the witness's head is not of this ledger: " + checkpoint.error().message);
        continue;
      }
      out_.witnessed = true;
      auto [at, fresh] = expected_.emplace(checkpoint->size, checkpoint->root);
      if (!fresh && at->second != checkpoint->root)
        Note({}, fmt::format("the witness saw another tree at size {}", checkpoint->size));
    }
  }

  Status ReadEntries() {
    PLUMB_TRY(auto list, db_.Prepare("SELECT idx, id, kind, time, entry FROM entries ORDER BY idx"));
    for (;;) {
      PLUMB_TRY(const bool row, list.Step());
      if (!row) break;
      const auto index = static_cast<uint64_t>(list.Int(0));
      if (index != frontier_.size()) {
        Note(frontier_.size(), fmt::format("entries {} to {} are missing", frontier_.size(), index - 1));
        return {};  // nothing after a hole can be placed in the tree
      }
      CheckEntry(index, list);
      frontier_.Append(LeafHash(list.Text(4)), [](int, uint64_t, const std::string&) {});
      const auto head = expected_.find(frontier_.size());
      if (head != expected_.end() && head->second != frontier_.Root()) {
        Note(index, fmt::format("the tree of the first {} entries does not have the root that was signed: an entry among them was changed", frontier_.size()));
      }
    }
    return {};
  }

  // The columns beside an entry are copies for searching; a copy that differs would mislead.
  void CheckEntry(uint64_t index, const Statement& row) {
    auto entry = ParseJson(row.Text(4), "entry");
    if (!entry || !entry->is_object()) return Note(index, "is not a JSON object");
    const auto& object = entry->get_object();
    const std::pair<const char*, int> columns[] = {{"id", 1}, {"kind", 2}, {"time", 3}};
    for (const auto& [key, column] : columns) {
      const auto* value = FindString(object, key);
      if (!value || *value != row.Text(column)) Note(index, fmt::format("its {} column does not match the entry", key));
    }
    auto canonical = CanonicalJson(*entry);
    if (!canonical || *canonical != row.Text(4)) Note(index, "is not in canonical form");
    if (const auto* texts = FindObject(object, "texts"))
      for (const auto& [field, binding] : *texts)
        if (binding.is_object())
          if (const auto* hash = FindString(binding.get_object(), "hash"))
            bound_[{index, std::string(field)}] = {row.Text(1), std::string(*hash)};
  }

  Status ReadTexts() {
    PLUMB_TRY(auto list, db_.Prepare("SELECT t.idx, t.field, t.sealed, s.key FROM texts t LEFT JOIN subjects s ON s.subject = t.subject"));
    for (;;) {
      PLUMB_TRY(const bool row, list.Step());
      if (!row) break;
      const auto index = static_cast<uint64_t>(list.Int(0));
      const auto at = bound_.find({index, list.Text(1)});
      if (at == bound_.end()) {
        Note(index, fmt::format("has a stored {} text that the entry does not know", list.Text(1)));
        continue;
      }
      const auto [id, hash] = at->second;
      bound_.erase(at);
      if (list.IsNull(2)) {
        ++out_.erased;
        continue;
      }
      ++out_.texts;
      if (list.IsNull(3)) {
        Note(index, fmt::format("its {} text has lost its key without an erasure", list.Text(1)));
      } else if (auto text = OpenText(list.Text(3), id, list.Text(1), list.Text(2), hash); !text) {
        Note(index, text.error().message);
      }
    }
    for (const auto& [at, _] : bound_) Note(at.first, fmt::format("its {} text is missing", at.second));
    return {};
  }

  // Proofs are made from the stored nodes: they must be the ones the entries give.
  Status ReadNodesBack() {
    Frontier again;
    const auto node = ReadNodes(db_);
    PLUMB_TRY(auto list, db_.Prepare("SELECT idx, entry FROM entries ORDER BY idx"));
    for (int wrong = 0; wrong < 5;) {
      PLUMB_TRY(const bool row, list.Step());
      if (!row || static_cast<uint64_t>(list.Int(0)) != again.size()) break;
      again.Append(LeafHash(list.Text(1)), [&](int level, uint64_t index, const std::string& hash) {
        auto stored = node(level, index);
        if (!stored || *stored != hash) {
          ++wrong;
          Note({}, fmt::format("tree node {}/{} is not what the entries give", level, index));
        }
      });
    }
    return {};
  }

  Database& db_;
  const std::string origin_, public_key_;
  Verification out_;
  Frontier frontier_;
  uint64_t newest_ = 0;                                    // the largest signed size
  std::map<uint64_t, std::string> expected_;               // size → signed root
  std::map<std::pair<uint64_t, std::string>, std::pair<std::string, std::string>> bound_;  // (index, field) → (id, hash)
};

std::vector<std::string> HexPath(const json::object& proof, std::string_view key, bool& good) {
  std::vector<std::string> path;
  const auto* array = FindArray(proof, key);
  if (!array) return good = false, path;
  for (const auto& item : *array) {
    auto bytes = item.is_string() ? HexDecode(std::string_view(item.get_string())) : Fail(Code::kInvalid, "not text");
    if (!bytes || bytes->size() != 32) return good = false, path;
    path.push_back(*bytes);
  }
  return path;
}

}  // namespace

Result<Verification> VerifyAll(Database& db, const std::string& origin, const std::string& public_key,
                               const std::vector<std::string>& witness_notes) {
  // One snapshot, so that a writer in another process cannot make the parts disagree.
  PLUMB_CHECK(db.Execute("BEGIN"));
  auto result = Verifier(db, origin, public_key).Run(witness_notes);
  (void)db.Execute("ROLLBACK");
  return result;
}

Status CheckProof(const json::object& proof, std::string_view verifier_key) {
  std::string origin;
  PLUMB_TRY(const auto public_key, DecodeVerifierKey(verifier_key, origin));
  PLUMB_TRY(const auto note, GetString(proof, "checkpoint"));
  PLUMB_TRY(const auto head, OpenCheckpoint(note, public_key));
  if (head.origin != origin) return Fail(Code::kCorrupt, "the proof is of log '{}', the key of '{}'", head.origin, origin);
  PLUMB_TRY(const auto type, GetString(proof, "type"));
  bool good = true;
  const auto path = HexPath(proof, "path", good);
  if (!good) return Fail(Code::kInvalid, "the proof's path must be a list of 32-byte hashes in hexadecimal");
  if (type == "inclusion") {
    PLUMB_TRY(const auto entry, GetString(proof, "entry"));
    PLUMB_TRY(const auto index, GetInt(proof, "index"));
    if (index < 0 || !VerifyInclusion(LeafHash(entry), index, head.size, path, head.root))
      return Fail(Code::kCorrupt, "the entry is not in the tree that was signed");
    return {};
  }
  if (type == "consistency") {
    PLUMB_TRY(const auto from, GetInt(proof, "from"));
    PLUMB_TRY(const auto to, GetInt(proof, "to"));
    PLUMB_TRY(const auto from_hex, GetString(proof, "from_root"));
    PLUMB_TRY(const auto to_hex, GetString(proof, "to_root"));
    PLUMB_TRY(const auto from_root, HexDecode(from_hex));
    PLUMB_TRY(const auto to_root, HexDecode(to_hex));
    const auto onward = HexPath(proof, "onward", good);
    if (!good || from <= 0 || to < from || !VerifyConsistency(from, to, path, from_root, to_root) ||
        !VerifyConsistency(to, head.size, onward, to_root, head.root))
      return Fail(Code::kCorrupt, "the larger tree is not an extension of the smaller one");
    return {};
  }
  return Fail(Code::kInvalid, "unknown proof type '{}': must be inclusion or consistency", type);
}

}  // namespace plumb::ledger

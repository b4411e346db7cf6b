#include "runtime/replay/replay_run.h"

#include <cstdio>
#include <unordered_map>

namespace plumb::replay {
namespace {

// replay.jsonl: a first line that names the replay, then a row a line, appended batch by batch.
class RowLog {
 public:
  ~RowLog() {
    if (file_) std::fclose(file_);
  }

  Status Open(const fs::path& path, const std::string& identity) {
    path_ = path;
    std::error_code ignored;
    if (fs::exists(path, ignored)) PLUMB_CHECK(Load(identity));
    PLUMB_CHECK(MakeFolder(path.parent_path()));
    // Rewritten without a half-written last line, then appended to.
    std::vector<json::object> lines = {{{"replay", identity}}};
    for (const auto& [id, row] : kept_) lines.push_back(RowJson(row));
    PLUMB_CHECK(WriteJsonl(path, lines));
    file_ = std::fopen(path.c_str(), "ab");
    if (!file_) return FailAt(path.string(), Code::kIo, "cannot be written");
    return {};
  }

  Status Append(const std::vector<ReplayRow>& rows) {
    if (!file_) return {};
    std::string lines;
    for (const ReplayRow& row : rows) lines += ToJson(RowJson(row)) + "\n";
    if (std::fwrite(lines.data(), 1, lines.size(), file_) != lines.size() || std::fflush(file_) != 0) {
      return FailAt(path_.string(), Code::kIo, "cannot be written (is the disk full?)");
    }
    return {};
  }

  const ReplayRow* Find(const std::string& where) const {
    const auto found = kept_.find(where);
    return found == kept_.end() ? nullptr : &found->second;
  }

 private:
  Status Load(const std::string& identity) {
    PLUMB_TRY(const std::string text, ReadFile(path_));
    const std::string_view whole = std::string_view(text).substr(0, text.rfind('\n') + 1);
    PLUMB_TRY(const std::vector<json::object> rows, ParseJsonl(whole, path_.string()));
    if (rows.empty()) return {};
    const json::string* name = FindString(rows[0], "replay");
    if (!name || std::string_view(*name) != identity) {
      return FailAt(path_.string(), Code::kConflict, "this folder holds another replay (other traffic, policy or guard); give another --out");
    }
    for (size_t i = 1; i < rows.size(); ++i) {
      auto row = ParseRow(rows[i]);
      if (!row) return std::unexpected(Context(row.error(), fmt::format("{}:{}", path_.string(), i + 1)));
      if (row->status != "not_judged") kept_[row->where] = std::move(*row);
    }
    return {};
  }

  std::FILE* file_ = nullptr;
  fs::path path_;
  std::unordered_map<std::string, ReplayRow> kept_;
};

}  // namespace

Result<Replayed> RunReplay(ReplaySource& source, const ReplayOptions& options) {
  RowLog log;
  if (!options.out.empty()) PLUMB_CHECK(log.Open(options.out / "replay.jsonl", options.identity));
  Replayed out;
  ReplayProgress progress;
  std::vector<data::Traffic> batch;
  const auto add = [&](ReplayRow row) {
    ++progress.done;
    progress.missing += row.status == "not_replayed" || row.status == "not_judged";
    out.rows.push_back(std::move(row));
  };
  const auto judge = [&]() -> Status {
    if (batch.empty()) return {};
    std::vector<ReplayRow> rows = Replay(batch, options.guards);
    batch.clear();
    PLUMB_CHECK(log.Append(rows));
    for (ReplayRow& row : rows) add(std::move(row));
    progress.share = source.progress();
    if (options.on_progress) options.on_progress(progress);
    return {};
  };
  while (!options.stop || !options.stop()) {
    auto one = source.Next();
    if (!one && options.lenient && one.error().code == Code::kInvalid) {
      ++out.unreadable_count;
      if (out.unreadable.size() < 20) out.unreadable.push_back(one.error());
      continue;
    }
    if (!one) return std::unexpected(std::move(one).error());
    if (!*one) {
      PLUMB_CHECK(judge());
      out.complete = true;
      break;
    }
    if (const ReplayRow* kept = log.Find(RowKey(**one))) {
      ++progress.resumed;
      add(*kept);
      continue;
    }
    batch.push_back(std::move(**one));
    if (batch.size() >= options.batch) PLUMB_CHECK(judge());
  }
  out.skipped = source.skipped();
  return out;
}

}  // namespace plumb::replay

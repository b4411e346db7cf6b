// From files to a Policy: read, check the shape, inherit, check the meaning, resolve, hash.
#include <algorithm>
#include <set>

#include "intent/policy/check.h"
#include "intent/policy/merge.h"
#include "intent/policy/read.h"
#include "intent/policy/shape.h"

namespace plumb::policy {
namespace {

constexpr size_t kMaxChain = 8;

// One reading: where files are, what was wrong so far.
class Loader {
 public:
  Loader(fs::path folder, Problems& problems) : problems_(problems) { folders_[""] = std::move(folder); }

  // The tree of a file and of what it extends; overlays are gathered from all of them, inherited ones first.
  Node LoadTree(std::string_view text, const std::string& name, const fs::path& folder) {
    folders_[name] = folder;
    chain_.push_back(name);
    Node own = ParseYaml(text, name, problems_);
    CheckShape(own, problems_);
    Node base{.kind = Node::kMap, .place = own.place};
    if (const Node* extends = own.Find("extends")) base = LoadBase(*extends, folder);
    Node* overlays = own.Find("overlays");
    if (overlays) overlays_.insert(overlays_.end(), overlays->items.begin(), overlays->items.end());
    return Without(MergeOver(base, own), {"extends", "overlays"});
  }

  // The rows of every example file of the merged tree.
  std::vector<ExampleRow> LoadRows(const Node& tree) {
    std::vector<ExampleRow> rows;
    const Node* files = tree.Find("examples");
    if (!files) return rows;
    std::set<fs::path> seen;
    for (const Node& file : files->items) {
      const fs::path path = (folders_[*file.place.file] / file.text).lexically_normal();
      if (!seen.insert(path).second) {
        AddProblem(problems_, file.place, "'{}' stands twice in 'examples'", file.text);
        continue;
      }
      auto text = ReadFile(path);
      if (!text) {
        AddProblem(problems_, file.place, "the example file '{}' cannot be read: {}", file.text, text.error().message);
        continue;
      }
      for (ExampleRow& row : ParseExampleRows(*text, DisplayName(file), problems_)) rows.push_back(std::move(row));
    }
    return rows;
  }

  const std::vector<Node>& overlays() const { return overlays_; }

 private:
  Node LoadBase(const Node& extends, const fs::path& folder) {
    Node nothing{.kind = Node::kMap, .place = extends.place};
    const std::string name = DisplayName(extends);
    if (std::find(chain_.begin(), chain_.end(), name) != chain_.end() || chain_.size() >= kMaxChain) {
      AddProblem(problems_, extends.place, "'extends: {}' leads back to this policy", extends.text);
      return nothing;
    }
    auto text = ReadFile(folder / extends.text);
    if (!text) {
      AddProblem(problems_, extends.place, "the policy '{}' cannot be read: {}", extends.text, text.error().message);
      return nothing;
    }
    return LoadTree(*text, name, (folder / extends.text).parent_path());
  }
  // The name of a file next to the one that mentions it, as errors show it.
  static std::string DisplayName(const Node& mention) {
    return (fs::path(*mention.place.file).parent_path() / mention.text).lexically_normal().string();
  }
  static Node Without(Node tree, std::initializer_list<std::string_view> keys) {
    std::erase_if(tree.entries, [&](const Entry& entry) { return std::find(keys.begin(), keys.end(), entry.key) != keys.end(); });
    return tree;
  }

  Problems& problems_;
  std::map<std::string, fs::path> folders_;
  std::vector<std::string> chain_;
  std::vector<Node> overlays_;
};

Node ApplyOverlay(const Node& tree, const Node& overlay) {
  Node merged = MergeOver(tree, overlay);
  std::erase_if(merged.entries, [](const Entry& entry) { return entry.key == "when"; });
  return merged;
}

Result<Policy> Finish(const Node& tree, const std::vector<ExampleRow>& rows, const std::string& name) {
  json::object resolved = ToPolicyJson(tree);
  Policy policy = ReadPolicy(resolved);
  if (!rows.empty()) {
    json::array all;
    for (const ExampleRow& row : rows) all.push_back(row.row);
    resolved["examples"] = std::move(all);
  } else {
    resolved.erase("examples");
  }
  PLUMB_TRY(const std::string canonical, CanonicalJson(resolved));
  policy.hash = Sha256Hex(canonical);
  policy.resolved = std::move(resolved);
  policy.path = name;
  return policy;
}

// In the order found, each once.
Problems Unique(Problems problems) {
  Problems out;
  std::set<std::pair<std::string, std::string>> seen;
  for (Problem& problem : problems)
    if (seen.emplace(problem.where, problem.message).second) out.push_back(std::move(problem));
  return out;
}

std::unexpected<Error> AsError(const Problems& problems) {
  std::string message = problems.front().message;
  for (size_t i = 1; i < problems.size(); ++i) message += fmt::format("\n{}: {}", problems[i].where, problems[i].message);
  return std::unexpected(Error{Code::kInvalid, std::move(message), problems.front().where});
}

}  // namespace

Result<Policy> ParsePolicy(std::string_view text, std::string_view name, const fs::path& folder, const LoadOptions& options) {
  Problems problems;
  Loader loader(folder, problems);
  Node tree = loader.LoadTree(text, std::string(name), folder);
  for (const Node& overlay : loader.overlays())
    if (OverlayFits(*overlay.Find("when"), options)) tree = ApplyOverlay(tree, overlay);
  const std::vector<ExampleRow> rows = loader.LoadRows(tree);
  CheckMeaning(tree, rows, problems);
  if (problems = Unique(std::move(problems)); !problems.empty()) return AsError(problems);
  return Finish(tree, rows, std::string(name));
}

Result<Policy> LoadPolicy(const fs::path& path, const LoadOptions& options) {
  PLUMB_TRY(const std::string text, ReadFile(path));
  return ParsePolicy(text, path.string(), path.parent_path(), options);
}

Result<std::vector<Problem>> CheckPolicy(const fs::path& path) {
  PLUMB_TRY(const std::string text, ReadFile(path));
  Problems problems;
  Loader loader(path.parent_path(), problems);
  const Node tree = loader.LoadTree(text, path.string(), path.parent_path());
  CheckMeaning(tree, loader.LoadRows(tree), problems);
  for (const Node& overlay : loader.overlays()) {
    const Node merged = ApplyOverlay(tree, overlay);
    CheckMeaning(merged, loader.LoadRows(merged), problems);
  }
  return Unique(std::move(problems));
}

}  // namespace plumb::policy

// From files to a Policy: read, check the shape, inherit, check the meaning, resolve, hash.
#include <algorithm>
#include <set>

#include "intent/policy/check.h"
#include "intent/policy/merge.h"
#include "intent/policy/read.h"
#include "intent/policy/shape.h"
#include "intent/policy/term_file.h"

namespace plumb::policy {
namespace {

constexpr size_t kMaxChain = 8;

using TermFiles = std::map<std::string, TermFile, std::less<>>;  // by the name that the tree has for them

// One reading: where files are, what was wrong so far.
class Loader {
 public:
  explicit Loader(Problems& problems) : problems_(problems) {}

  // The tree of a file and of what it extends; overlays are gathered from all of them, inherited ones first. Nothing
  // where one of the files is missing or no policy at all: then there is no sense in looking further.
  std::optional<Node> LoadTree(std::string_view text, const std::string& name, const fs::path& folder) {
    folders_[name] = folder;
    chain_.push_back(name);
    std::optional<Node> own = ParseYaml(text, name, problems_);
    if (!own) return std::nullopt;
    CheckShape(*own, problems_);
    if (own->kind != Node::kMap) return std::nullopt;
    Node base{.kind = Node::kMap, .place = own->place};
    if (const Node* extends = own->Find("extends"); extends && extends->kind == Node::kScalar) {
      auto inherited = LoadBase(*extends, folder);
      if (!inherited) return std::nullopt;
      base = std::move(*inherited);
    }
    if (const Node* overlays = own->Find("overlays")) overlays_.insert(overlays_.end(), overlays->items.begin(), overlays->items.end());
    return Without(MergeOver(base, *own), {"extends", "overlays"});
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

  // The files that routes name are there; their names in `tree` become relative to `root`, wherever they were written.
  void CheckFiles(Node& tree, const fs::path& root) {
    Node* routes = tree.Find("routes");
    if (!routes) return;
    for (Node& route : routes->items) {
      if (Node* shadow = route.Find("shadow")) {
        if (shadow->kind == Node::kScalar) CheckFile(*shadow, root);
        for (Node& item : shadow->items) {
          if (item.kind == Node::kScalar) CheckFile(item, root);
          for (const char* key : {"policy", "guard"})
            if (Node* named = item.Find(key)) CheckFile(*named, root);
        }
      }
      if (Node* split = route.Find("split"))
        if (Node* arms = split->Find("arms"))
          for (Node& arm : arms->items)
            if (Node* named = arm.Find("policy")) CheckFile(*named, root);
    }
  }

  // The term lists that categories name; their names in `tree` become relative to `root`.
  TermFiles LoadTerms(Node& tree, const fs::path& root) {
    TermFiles files;
    std::map<std::string, std::set<std::string>> named;  // list → the categories that name it
    Node* categories = tree.Find("categories");
    if (!categories) return files;
    for (Node& category : categories->items) {
      Node* detect = category.Find("detect");
      if (!detect) continue;
      for (Node& detector : detect->items) {
        Node* list = detector.Find("terms");
        if (!list || list->kind != Node::kScalar) continue;
        const std::string name = DisplayName(*list);
        const fs::path path = (folders_[*list->place.file] / list->text).lexically_normal();
        auto text = ReadFile(path);
        if (!text) {
          AddProblem(problems_, list->place, "the term list '{}' cannot be read: {}", list->text, text.error().message);
          continue;
        }
        if (folders_[*list->place.file] != root) list->text = path.lexically_relative(root).string();
        if (!files.contains(list->text)) files.emplace(list->text, ParseTermFile(*text, name, problems_));
        named[list->text].emplace(category.TextOf("id"));
        const std::vector<TermRow>& rows = files.at(list->text).rows;
        if (!rows.empty() && std::none_of(rows.begin(), rows.end(), [&](const TermRow& row) { return IsOf(row, category.TextOf("id")); }))
          AddProblem(problems_, list->place, "'{}' has no term for '{}'", list->text, category.TextOf("id"));
      }
    }
    for (const auto& [list, file] : files)
      for (const TermRow& row : file.rows)
        if (!row.category.empty() && !named[list].contains(row.category))
          AddProblem(problems_, Place{std::make_shared<const std::string>((root / list).lexically_normal().string()), row.line, 1},
                     "'{}' is for '{}', and no category of that name has this list in 'detect'", row.term, row.category);
    return files;
  }

  // Whether `row` is looked for under `category`.
  static bool IsOf(const TermRow& row, std::string_view category) { return row.category.empty() || row.category == category; }

  const std::vector<Node>& overlays() const { return overlays_; }

 private:
  void CheckFile(Node& named, const fs::path& root) {
    if (named.kind != Node::kScalar) return;
    const fs::path path = (folders_[*named.place.file] / named.text).lexically_normal();
    std::error_code none;
    if (!fs::exists(path, none)) AddProblem(problems_, named.place, "there is no '{}' beside this policy", named.text);
    if (folders_[*named.place.file] != root) named.text = path.lexically_relative(root).string();
  }
  std::optional<Node> LoadBase(const Node& extends, const fs::path& folder) {
    const std::string name = DisplayName(extends);
    if (std::find(chain_.begin(), chain_.end(), name) != chain_.end() || chain_.size() >= kMaxChain) {
      AddProblem(problems_, extends.place, "'extends: {}' leads back to this policy", extends.text);
      return std::nullopt;
    }
    auto text = ReadFile(folder / extends.text);
    if (!text) {
      AddProblem(problems_, extends.place, "the policy '{}' cannot be read: {}", extends.text, text.error().message);
      return std::nullopt;
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

std::vector<OverlayWhen> WhenOf(const std::vector<Node>& overlays) {
  std::vector<OverlayWhen> out;
  for (const Node& overlay : overlays) {
    OverlayWhen& when = out.emplace_back();
    for (const Entry& entry : overlay.Find("when")->entries) {
      std::vector<std::string>& values = when[entry.key];
      if (entry.value.kind == Node::kScalar) values.push_back(entry.value.text);
      for (const Node& item : entry.value.items) values.push_back(item.text);
    }
  }
  return out;
}

// Gives the detectors their terms, and the hash what they are.
void AddTerms(const TermFiles& files, Policy& policy, json::object& resolved) {
  for (size_t c = 0; c < policy.categories.size(); ++c)
    for (size_t d = 0; d < policy.categories[c].detect.size(); ++d) {
      Detector& detector = policy.categories[c].detect[d];
      if (detector.list.empty()) continue;
      const TermFile& file = files.find(detector.list)->second;
      auto terms = std::make_shared<std::vector<std::string>>();
      for (const TermRow& row : file.rows)
        if (Loader::IsOf(row, policy.categories[c].id)) terms->push_back(row.term);
      detector.terms = std::move(terms);
      resolved.at("categories").as_array()[c].as_object().at("detect").as_array()[d].as_object()["sha256"] = file.sha256;
    }
}

Result<Policy> Finish(const Node& tree, const std::vector<ExampleRow>& rows, const TermFiles& terms, const std::string& name) {
  json::object resolved = ToPolicyJson(tree);
  Policy policy = ReadPolicy(resolved);
  AddTerms(terms, policy, resolved);
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

// Line and column out of "file:line:column".
std::pair<int, int> LineAndColumn(const std::string& where) {
  const size_t column = where.rfind(':');
  const size_t line = where.rfind(':', column - 1);
  return {std::atoi(where.c_str() + line + 1), std::atoi(where.c_str() + column + 1)};
}

// Each once, file by file as they were first named, from top to bottom.
Problems InFileOrder(const Problems& problems) {
  Problems out;
  std::set<std::pair<std::string, std::string>> seen;
  std::map<std::string, size_t> files;
  auto file_of = [&](const Problem& problem) {
    return files.emplace(problem.where.substr(0, problem.where.rfind(':', problem.where.rfind(':') - 1)), files.size()).first->second;
  };
  for (const Problem& problem : problems) {
    file_of(problem);
    if (seen.emplace(problem.where, problem.message).second) out.push_back(problem);
  }
  std::stable_sort(out.begin(), out.end(), [&](const Problem& a, const Problem& b) {
    return std::make_pair(file_of(a), LineAndColumn(a.where)) < std::make_pair(file_of(b), LineAndColumn(b.where));
  });
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
  Loader loader(problems);
  std::optional<Node> tree = loader.LoadTree(text, std::string(name), folder);
  if (!tree) return AsError(InFileOrder(problems));
  for (const Node& overlay : loader.overlays())
    if (OverlayFits(*overlay.Find("when"), options)) tree = ApplyOverlay(*tree, overlay);
  const std::vector<ExampleRow> rows = loader.LoadRows(*tree);
  loader.CheckFiles(*tree, folder);
  const TermFiles terms = loader.LoadTerms(*tree, folder);
  CheckMeaning(*tree, rows, problems);
  if (!problems.empty()) return AsError(InFileOrder(problems));
  PLUMB_TRY(Policy policy, Finish(*tree, rows, terms, std::string(name)));
  policy.folder = folder.string();
  policy.overlays = WhenOf(loader.overlays());
  return policy;
}

Result<Policy> LoadPolicy(const fs::path& path, const LoadOptions& options) {
  PLUMB_TRY(const std::string text, ReadFile(path));
  return ParsePolicy(text, path.string(), path.parent_path(), options);
}

Result<std::vector<Problem>> CheckPolicy(const fs::path& path) {
  PLUMB_TRY(const std::string text, ReadFile(path));
  Problems problems;
  Loader loader(problems);
  std::optional<Node> tree = loader.LoadTree(text, path.string(), path.parent_path());
  if (tree) {
    loader.CheckFiles(*tree, path.parent_path());
    loader.LoadTerms(*tree, path.parent_path());
    CheckMeaning(*tree, loader.LoadRows(*tree), problems);
    for (const Node& overlay : loader.overlays()) {
      Node merged = ApplyOverlay(*tree, overlay);
      loader.CheckFiles(merged, path.parent_path());
      loader.LoadTerms(merged, path.parent_path());
      CheckMeaning(merged, loader.LoadRows(merged), problems);
    }
  }
  return InFileOrder(problems);
}

}  // namespace plumb::policy

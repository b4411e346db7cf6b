#include "measure/eval/declaration.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "intent/policy/node.h"

namespace plumb::eval {
namespace {

using policy::AddProblem;
using policy::Node;
using policy::Problems;

struct Read {
  Problems& problems;

  void Keys(const Node& node, std::string_view what, const std::vector<std::string>& known) {
    if (node.kind != Node::kMap) return AddProblem(problems, node.place, "{} must be a map", what);
    for (const policy::Entry& entry : node.entries) {
      if (std::ranges::find(known, entry.key) == known.end())
        AddProblem(problems, entry.place, "unknown key '{}' in {}{} (known: {})", entry.key, what, DidYouMean(entry.key, known),
                   Join(known, ", "));
    }
  }
  std::string Text(const Node& node, std::string_view what) {
    if (node.kind != Node::kScalar || node.text.empty()) AddProblem(problems, node.place, "{} must be a text", what);
    return node.text;
  }
  double Number(const Node& node, std::string_view what, double low, double high) {
    double value = 0;
    const std::string& text = node.text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (node.kind == Node::kScalar && error == std::errc() && end == text.data() + text.size() && value >= low && value <= high) return value;
    AddProblem(problems, node.place, "{} must be a number from {} to {}", what, low, high);
    return low;
  }
  bool Switch(const Node& node, std::string_view what) {
    if (node.text != "true" && node.text != "false") AddProblem(problems, node.place, "{} must be true or false", what);
    return node.text == "true";
  }
};

struct KindName {
  const char* key;
  Requirement::Kind kind;
  const char* slug;
};
constexpr KindName kRequirementKinds[] = {{"no_worse_by", Requirement::kNoWorse, "no-worse"},
                               {"better_by", Requirement::kBetter, "better"},
                               {"at_least", Requirement::kAtLeast, "at-least"},
                               {"at_most", Requirement::kAtMost, "at-most"}};

std::string CheckId(std::string name) {
  for (char& c : name) {
    if (c == ' ' || c == '/' || c == '(' || c == ')' || c == ',') c = '-';
  }
  return name;
}

Metric ReadMetric(const Node& node, Read& read) {
  Metric metric;
  if (const Node* name = node.Find("metric")) {
    metric.name = read.Text(*name, "'metric'");
    if (std::ranges::find(MetricNames(), metric.name) == MetricNames().end())
      AddProblem(read.problems, name->place, "metric '{}' is not known{}; known: {}", metric.name,
                 DidYouMean(metric.name, MetricNames()), Join(MetricNames(), ", "));
  } else {
    AddProblem(read.problems, node.place, "a requirement needs a 'metric'");
  }
  if (const Node* where = node.Find("where")) {
    read.Keys(*where, "'where'", {"clause", "kind", "lang"});
    metric.clause = where->TextOf("clause");
    metric.kind = where->TextOf("kind");
    metric.lang = where->TextOf("lang");
  }
  return metric;
}

void ReadRequirement(const Node& node, Read& read, Declaration& out) {
  read.Keys(node, "a requirement", {"metric", "suite", "where", "no_worse_by", "better_by", "at_least", "at_most", "shown", "disagree"});
  Requirement base;
  base.metric = ReadMetric(node, read);
  if (const Node* suite = node.Find("suite")) {
    base.suite = read.Text(*suite, "'suite'");
    if (base.suite.find('/') != std::string::npos) {
      const fs::path path = base.suite;
      base.suite = (path.has_filename() ? path.filename() : path.parent_path().filename()).string();
      out.suite_paths[base.suite] = path.string();
    }
  } else {
    AddProblem(read.problems, node.place, "a requirement needs a 'suite'");
  }
  if (const Node* shown = node.Find("shown")) base.shown = read.Switch(*shown, "'shown'");
  if (const Node* share = node.Find("disagree")) base.disagree = read.Number(*share, "'disagree'", 0.001, 1);
  bool any = false;
  for (const KindName& kind : kRequirementKinds) {
    const Node* value = node.Find(kind.key);
    if (!value) continue;
    any = true;
    Requirement one = base;
    one.kind = kind.kind;
    const bool margin = kind.kind == Requirement::kNoWorse;
    one.value = read.Number(*value, fmt::format("'{}'", kind.key), margin ? 0.0001 : 0, margin ? 0.5 : 1);
    one.id = fmt::format("{}/{}.{}", CheckId(one.suite), CheckId(one.metric.Text()), kind.slug);
    out.require.push_back(std::move(one));
  }
  if (!any) AddProblem(read.problems, node.place, "a requirement needs one of no_worse_by, better_by, at_least, at_most");
}

void ReadBaseline(const Node& node, Read& read, Declaration& out) {
  read.Keys(node, "'baseline'", {"pinned", "last", "best"});
  if (node.entries.size() != 1) return AddProblem(read.problems, node.place, "'baseline' takes one of pinned, last, best, and its folder");
  const policy::Entry& entry = node.entries.front();
  out.from = entry.key == "last" ? Declaration::From::kLast : entry.key == "best" ? Declaration::From::kBest : Declaration::From::kPinned;
  out.baseline = read.Text(entry.value, "the baseline's folder");
}

void ReadApprovers(const Node& node, Read& read, Declaration& out) {
  for (const Node& item : node.items) {
    read.Keys(item, "an approver", {"name", "key"});
    Approver one{std::string(item.TextOf("name")), std::string(item.TextOf("key"))};
    const auto key = HexDecode(one.key);
    if (one.name.empty() || !key || key->size() != 32)
      AddProblem(read.problems, item.place, "an approver has a 'name' and a 'key' of 64 hexadecimal digits (plumb gate approver NAME)");
    if (!one.name.empty() && one.name == out.owner)
      AddProblem(read.problems, item.place, "'{}' owns this release and may not grant exceptions to its gate", one.name);
    out.approvers.push_back(std::move(one));
  }
}

void ReadAll(const Node& root, Read& read, Declaration& out) {
  read.Keys(root, "the declaration",
            {"gate", "owner", "alpha", "power", "fewest", "health_margin", "baseline", "require", "may_differ", "approvers"});
  for (const auto& [key, field] : {std::pair{"gate", &out.name}, {"owner", &out.owner}}) {
    if (const Node* node = root.Find(key)) *field = read.Text(*node, fmt::format("'{}'", key));
    else AddProblem(read.problems, root.place, "'{}' is missing", key);
  }
  if (const Node* node = root.Find("alpha")) out.alpha = read.Number(*node, "'alpha'", 0.0001, 0.2);
  if (const Node* node = root.Find("power")) out.power = read.Number(*node, "'power'", 0.5, 0.999);
  if (const Node* node = root.Find("fewest")) out.fewest = static_cast<int64_t>(read.Number(*node, "'fewest'", 2, 1e6));
  if (const Node* node = root.Find("health_margin")) out.health_margin = read.Number(*node, "'health_margin'", 0.001, 0.5);
  if (const Node* node = root.Find("baseline")) ReadBaseline(*node, read, out);
  else AddProblem(read.problems, root.place, "'baseline' is missing: {{pinned: RUN}}, {{last: FOLDER}} or {{best: FOLDER}}");
  if (const Node* node = root.Find("may_differ")) {
    for (const Node& item : node->items) out.may_differ.push_back(read.Text(item, "'may_differ'"));
  }
  if (const Node* node = root.Find("approvers")) ReadApprovers(*node, read, out);
  const Node* require = root.Find("require");
  if (!require || require->items.empty()) return AddProblem(read.problems, root.place, "'require' must list what has to hold");
  for (const Node& item : require->items) ReadRequirement(item, read, out);
  std::set<std::string> ids;
  for (const Requirement& one : out.require) {
    if (!ids.insert(one.id).second) AddProblem(read.problems, require->place, "'{}' is required twice", one.id);
  }
}

}  // namespace

std::string Requirement::Text() const {
  const bool up = HigherIsBetter(metric.name);
  switch (kind) {
    case kNoWorse: return fmt::format("{} {} by less than {:.1f} points", metric.Text(), up ? "down" : "up", 100 * value);
    case kBetter: return fmt::format("{} {} by more than {:.1f} points", metric.Text(), up ? "up" : "down", 100 * value);
    case kAtLeast: return fmt::format("{} at least {:.1f} %{}", metric.Text(), 100 * value, shown ? ", shown" : "");
    case kAtMost: return fmt::format("{} at most {:.1f} %{}", metric.Text(), 100 * value, shown ? ", shown" : "");
  }
  return "";
}

std::vector<std::string> Declaration::Suites() const {
  std::vector<std::string> out;
  for (const Requirement& one : require) {
    if (std::ranges::find(out, one.suite) == out.end()) out.push_back(one.suite);
  }
  return out;
}

Result<Declaration> ParseDeclaration(std::string_view text, const std::string& name) {
  Declaration out;
  out.path = name;
  out.sha256 = Sha256Hex(text);
  Problems problems;
  const auto root = policy::ParseYaml(text, name, problems);
  if (root) {
    Read read{problems};
    ReadAll(*root, read, out);
  }
  if (problems.empty()) {
    const fs::path folder = fs::path(name).parent_path();
    if (out.baseline.is_relative()) out.baseline = folder / out.baseline;
    return out;
  }
  std::vector<std::string> lines;
  for (const policy::Problem& problem : problems) lines.push_back(fmt::format("{}: {}", problem.where, problem.message));
  return Fail(Code::kInvalid, "{}", Join(lines, "\n"));
}

Result<Declaration> LoadDeclaration(const fs::path& file) {
  PLUMB_TRY(const std::string text, ReadFile(file));
  return ParseDeclaration(text, file.string());
}

fs::path LockFile(const fs::path& declaration) {
  fs::path lock = declaration;
  return lock.replace_extension(".lock.json");
}

json::object LockJson(const Lock& lock, const Plan& plan) {
  json::object suites, baselines;
  for (const auto& [name, sha] : lock.suites) suites[name] = sha;
  for (const auto& [name, digest] : lock.baselines) baselines[name] = digest;
  json::object out{{"format", "plumb-gate-lock-1"}, {"declaration_sha256", lock.declaration_sha256}, {"time", lock.time},
                   {"suites", std::move(suites)}, {"baselines", std::move(baselines)}, {"plan", PlanJson(plan)}};
  if (!lock.ledger_entry.empty()) out["ledger_entry"] = lock.ledger_entry;
  return out;
}

Result<Lock> ReadLock(const fs::path& file) {
  PLUMB_TRY(const json::value value, ReadJson(file));
  const auto read = [&]() -> Result<Lock> {
    if (!value.is_object()) return Fail(Code::kInvalid, "not an object");
    const json::object& object = value.as_object();
    Lock lock;
    PLUMB_TRY(lock.declaration_sha256, GetString(object, "declaration_sha256"));
    PLUMB_TRY(lock.time, GetString(object, "time"));
    PLUMB_TRY(lock.ledger_entry, GetStringOr(object, "ledger_entry", ""));
    for (const auto& [key, field] : {std::pair{"suites", &lock.suites}, {"baselines", &lock.baselines}}) {
      const json::object* part = FindObject(object, key);
      if (!part) return Fail(Code::kInvalid, "'{}' is missing", key);
      for (const auto& [name, hash] : *part) {
        if (!hash.is_string()) return Fail(Code::kInvalid, "'{}' must hold texts", key);
        (*field)[std::string(name)] = std::string(hash.as_string());
      }
    }
    return lock;
  };
  auto lock = read();
  if (!lock) return FailAt(file.string(), Code::kInvalid, "not a gate's lock: {}", lock.error().message);
  return lock;
}

}  // namespace plumb::eval

#include "intent/policy/shape.h"

#include <re2/re2.h>

#include <charconv>
#include <cmath>

namespace plumb::policy {

extern const char* const kPolicySchema;

std::string_view PolicySchema() { return kPolicySchema; }

const json::object& Schema() {
  static const json::object schema = ParseJson(kPolicySchema, "policy.schema.json").value().as_object();
  return schema;
}

namespace {

const json::object& Resolve(const json::object& schema) {
  const json::string* ref = FindString(schema, "$ref");
  if (!ref) return schema;
  const std::string_view name = std::string_view(*ref).substr(std::string_view("#/$defs/").size());
  return Schema().at("$defs").as_object().at(name).as_object();
}

std::string_view Describe(const json::object& schema) {
  const json::string* text = FindString(schema, "description");
  if (!text) text = FindString(Resolve(schema), "description");
  return text ? std::string_view(*text) : std::string_view();
}

std::optional<double> ReadNumber(const Node& node) {
  double value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto read = std::from_chars(node.text.data(), end, value);
  if (node.kind != Node::kScalar || node.quoted || read.ec != std::errc() || read.ptr != end || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<bool> ReadBool(const Node& node) {
  if (node.kind != Node::kScalar || node.quoted) return std::nullopt;
  if (node.text == "true") return true;
  if (node.text == "false") return false;
  return std::nullopt;
}

std::vector<std::string> TypesOf(const json::object& schema) {
  if (schema.contains("enum")) return {"string"};
  const json::value* type = schema.if_contains("type");
  if (!type) return {};
  if (type->is_string()) return {std::string(type->as_string())};
  std::vector<std::string> types;
  for (const json::value& each : type->as_array()) types.emplace_back(each.as_string());
  return types;
}

// A scalar fits "string" whatever it looks like: scalars keep their text.
bool IsOfType(const Node& node, std::string_view type) {
  if (type == "null") return node.kind == Node::kNull;
  if (type == "object") return node.kind == Node::kMap;
  if (type == "array") return node.kind == Node::kList;
  if (type == "number") return ReadNumber(node).has_value();
  if (type == "boolean") return ReadBool(node).has_value();
  return node.kind == Node::kScalar;
}

// The alternative of an anyOf that has the node's type; the schema itself where there is no anyOf.
const json::object* Choose(const Node& node, const json::object& schema) {
  const json::array* any = FindArray(schema, "anyOf");
  if (!any) {
    const auto types = TypesOf(schema);
    if (types.empty()) return &schema;
    for (const std::string& type : types)
      if (IsOfType(node, type)) return &schema;
    return nullptr;
  }
  for (const json::value& each : *any)
    if (const json::object* chosen = Choose(node, Resolve(each.as_object()))) return chosen;
  return nullptr;
}

std::string_view Article(std::string_view type) {
  if (type == "object") return "a map";
  if (type == "array") return "a list";
  if (type == "number") return "a number";
  if (type == "boolean") return "true or false";
  if (type == "null") return "empty";
  return "text";
}

std::string Wanted(const json::object& schema) {
  std::vector<std::string> words;
  auto add = [&](std::string_view type) {
    if (type == "null") return;
    const std::string word(Article(type));
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  };
  if (const json::array* any = FindArray(schema, "anyOf")) {
    for (const json::value& each : *any)
      for (const std::string& type : TypesOf(Resolve(each.as_object()))) add(type);
  } else {
    for (const std::string& type : TypesOf(schema)) add(type);
  }
  return Join(words, " or ");
}

std::string Found(const Node& node) {
  if (node.kind == Node::kNull) return "empty";
  if (node.kind == Node::kMap) return "a map";
  if (node.kind == Node::kList) return "a list";
  return fmt::format("'{}'", node.text.size() > 40 ? node.text.substr(0, 37) + "..." : node.text);
}

std::string_view BareKey(std::string_view key) { return key.starts_with('+') ? key.substr(1) : key; }

class Checker {
 public:
  explicit Checker(Problems& problems) : problems_(problems) {}

  // False where the node is to be dropped.
  bool Check(Node& node, const json::object& declared, const std::string& name) {
    const json::object& schema = Resolve(declared);
    const json::object* chosen = Choose(node, schema);
    if (!chosen) {
      const std::string_view about = Describe(declared);
      AddProblem(problems_, node.place, "{} must be {}, not {}{}", name, Wanted(schema), Found(node),
                 about.empty() ? "" : fmt::format(" ({})", about));
      return false;
    }
    switch (node.kind) {
      case Node::kMap: return CheckMap(node, *chosen, name);
      case Node::kList: return CheckList(node, *chosen, name);
      case Node::kScalar: return CheckScalar(node, *chosen, Describe(declared), name);
      case Node::kNull: return true;
    }
    return true;
  }

  bool CheckMap(Node& node, const json::object& schema, const std::string& name) {
    const json::object* properties = FindObject(schema, "properties");
    std::vector<std::string> known;
    if (properties)
      for (const auto& property : *properties) known.emplace_back(property.key());
    std::vector<Entry> kept;
    for (Entry& entry : node.entries) {
      const std::string bare(BareKey(entry.key));
      const json::object* child = properties ? FindObject(*properties, bare) : nullptr;
      if (!child) child = FindObject(schema, "additionalProperties");
      if (!child && !schema.contains("additionalProperties")) {  // overlays: looked at more closely afterwards
        kept.push_back(std::move(entry));
        continue;
      }
      if (!child) {
        AddProblem(problems_, entry.place, "unknown key '{}' in {}{}", entry.key, name, Suggest(bare, known));
        continue;
      }
      if (entry.key != bare && !IsList(*child)) {
        AddProblem(problems_, entry.place, "'{}': only a list can be added to; write '{}'", entry.key, bare);
        continue;
      }
      if (!Check(entry.value, *child, fmt::format("'{}'", bare))) entry.value = {.kind = Node::kNull, .place = entry.value.place};
      kept.push_back(std::move(entry));  // an empty value where there was a wrong one: the key is not missing
    }
    node.entries = std::move(kept);
    return CheckRequired(node, schema, name);
  }

  bool CheckRequired(const Node& node, const json::object& schema, const std::string& name) {
    const json::array* required = FindArray(schema, "required");
    if (!required) return true;
    bool complete = true;
    for (const json::value& key : *required) {
      const Node* found = node.Find(key.as_string());
      if (!found) AddProblem(problems_, node.place, "{} needs '{}'", name, std::string_view(key.as_string()));
      if (!found || found->kind == Node::kNull) complete = false;
    }
    return complete;
  }

  bool CheckList(Node& node, const json::object& schema, const std::string& name) {
    std::vector<Node> kept;
    for (Node& item : node.items)
      if (Check(item, schema.at("items").as_object(), "an item of " + name)) kept.push_back(std::move(item));
    const bool any_good = !kept.empty() || node.items.empty();
    node.items = std::move(kept);
    return any_good;
  }

  bool CheckScalar(const Node& node, const json::object& schema, std::string_view about, const std::string& name) {
    if (const json::array* values = FindArray(schema, "enum")) {
      std::vector<std::string> names;
      for (const json::value& value : *values) names.emplace_back(value.as_string());
      if (std::find(names.begin(), names.end(), node.text) != names.end()) return true;
      AddProblem(problems_, node.place, "{} cannot be '{}'{}", name, node.text, Suggest(node.text, names));
      return false;
    }
    if (const json::string* pattern = FindString(schema, "pattern"); pattern && !RE2::PartialMatch(node.text, RE2(std::string_view(*pattern)))) {
      const std::string_view meant = Describe(schema).empty() ? about : Describe(schema);
      AddProblem(problems_, node.place, "{} cannot be '{}': it must be {}", name, node.text, meant);
      return false;
    }
    if (schema.contains("minLength") && Trim(node.text).empty()) {
      AddProblem(problems_, node.place, "{} is empty; write some text or leave the key out", name);
      return false;
    }
    return CheckRange(node, schema, name);
  }

  bool CheckRange(const Node& node, const json::object& schema, const std::string& name) {
    const auto value = ReadNumber(node);
    if (!value || TypesOf(schema) != std::vector<std::string>{"number"}) return true;
    auto bound = [&](const char* key) -> std::optional<double> {
      const json::value* limit = schema.if_contains(key);
      return limit ? std::optional(limit->to_number<double>()) : std::nullopt;
    };
    const auto above = bound("exclusiveMinimum"), below = bound("exclusiveMaximum");
    const auto least = bound("minimum"), most = bound("maximum");
    if ((above && *value <= *above) || (below && *value >= *below)) {
      AddProblem(problems_, node.place, "{} is {}: it must be between {} and {}, and neither of them{}", name, node.text, *above,
                 *below, *value > 1 && *value < 100 ? fmt::format(" (did you mean {}?)", *value / 100) : "");
      return false;
    }
    if ((least && *value < *least) || (most && *value > *most)) {
      AddProblem(problems_, node.place, "{} is {}: it must be from {} to {}", name, node.text, *least, *most);
      return false;
    }
    return true;
  }

 private:
  static bool IsList(const json::object& declared) {
    const json::object& schema = Resolve(declared);
    const Node list{.kind = Node::kList};
    return !TypesOf(schema).empty() || schema.contains("anyOf") ? Choose(list, schema) != nullptr : false;
  }
  // The near name, or all of them where they are few.
  static std::string Suggest(std::string_view name, const std::vector<std::string>& known) {
    if (auto near = NearestName(name, known)) return fmt::format(", did you mean '{}'?", *near);
    return known.empty() ? "" : fmt::format("; known are {}", Join(known, ", "));
  }

  Problems& problems_;
};

// An overlay has the policy's own keys beside `when`.
json::object OverlaySchema() {
  json::object schema = Schema().at("properties").at("overlays").at("items").as_object();
  json::object& properties = schema["properties"].as_object();
  for (const auto& [key, value] : Schema().at("properties").as_object())
    if (key != "overlays" && key != "extends" && key != "policy" && key != "version") properties.emplace(key, value);
  schema["additionalProperties"] = false;
  return schema;
}

json::value Convert(const Node& node, const json::object& declared);

json::object ConvertMap(const Node& node, const json::object& schema) {
  const json::object* properties = FindObject(schema, "properties");
  json::object out;
  for (const Entry& entry : node.entries) {
    const json::object* child = properties ? FindObject(*properties, entry.key) : nullptr;
    if (!child) child = FindObject(schema, "additionalProperties");
    if (child && entry.value.kind != Node::kNull) out[entry.key] = Convert(entry.value, *child);
  }
  return out;
}

json::value Convert(const Node& node, const json::object& declared) {
  const json::object& schema = Resolve(declared);
  const json::object* chosen = Choose(node, schema);
  if (!chosen) return nullptr;
  if (node.kind == Node::kMap) return ConvertMap(node, *chosen);
  if (node.kind == Node::kList) {
    json::array out;
    for (const Node& item : node.items) out.push_back(Convert(item, chosen->at("items").as_object()));
    return out;
  }
  const auto types = TypesOf(*chosen);
  if (types == std::vector<std::string>{"number"}) return *ReadNumber(node);
  if (types == std::vector<std::string>{"boolean"}) return *ReadBool(node);
  const bool list_meant = schema.contains("anyOf") && Choose({.kind = Node::kList}, schema);
  return list_meant ? json::value(json::array{json::string(node.text)}) : json::value(json::string(node.text));
}

}  // namespace

const json::object* TopLevelSchema(std::string_view key) { return FindObject(Schema().at("properties").as_object(), key); }

void CheckShape(Node& root, Problems& problems) {
  Checker checker(problems);
  if (root.kind != Node::kMap) {
    AddProblem(problems, root.place, "a policy is a map with `policy:`, `version:`, `categories:` …; this file is {}", Found(root));
    return;
  }
  checker.CheckMap(root, Schema(), "the policy");
  static const json::object overlay_schema = OverlaySchema();
  if (Node* overlays = root.Find("overlays"))
    for (Node& overlay : overlays->items) checker.CheckMap(overlay, overlay_schema, "an overlay");
}

json::object ToPolicyJson(const Node& root) {
  json::object out = ConvertMap(root, Schema());
  out.erase("overlays");
  out.erase("extends");
  return out;
}

}  // namespace plumb::policy

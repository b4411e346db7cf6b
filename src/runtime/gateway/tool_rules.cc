#include "runtime/gateway/tool_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>

#include "runtime/gateway/service.h"
#include "runtime/gateway/turn_messages.h"

namespace plumb::gateway {
namespace {

bool CoversAny(const std::vector<std::string>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return Covers(pattern, name); });
}

bool Contains(const std::vector<std::string>& list, std::string_view text) { return std::ranges::find(list, text) != list.end(); }

struct Leaf {
  std::string field;  // the argument directly under the top
  std::string text;
};

void Leaves(const json::value& value, const std::string& field, std::vector<Leaf>& out) {
  if (const json::object* object = value.if_object()) {
    for (const auto& [key, item] : *object) Leaves(item, field.empty() ? std::string(key) : field, out);
  } else if (const json::array* items = value.if_array()) {
    for (const json::value& item : *items) Leaves(item, field, out);
  } else if (const json::string* text = value.if_string()) {
    out.push_back({field, std::string(*text)});
  } else if (value.is_number()) {
    out.push_back({field, value.is_double() ? fmt::format("{}", value.get_double()) : ToJson(value)});
  }
}

std::string_view KindName(const Fact& fact) {
  switch (fact.kind) {
    case Fact::kMail: return "an e-mail address";
    case Fact::kLink: return "a link";
    case Fact::kNumber: return "a number";
    case Fact::kId: return "an id";
    case Fact::kText: return "a text";
  }
  return "a value";
}

bool SaidBy(const Origins& origins, const std::vector<std::string>& sides, const Fact& fact) {
  return std::ranges::any_of(sides, [&](const std::string& name) { return origins.Said(*ParseSide(name), fact); });
}

bool LedToBy(const Origins& origins, const std::vector<std::string>& sides, const Fact& fact) {
  return std::ranges::any_of(sides, [&](const std::string& name) { return origins.LedTo(*ParseSide(name), fact); });
}

// Why this fact may not stand in a call, or "".
std::string Unauthorised(const policy::ToolRule& rule, const Fact& fact, const Origins& origins) {
  const bool trusted = SaidBy(origins, {"user", "system"}, fact);
  if (!rule.not_from.empty() && !trusted && LedToBy(origins, rule.not_from, fact))
    return fmt::format("{} that only the text of a {} names", KindName(fact), Join(rule.not_from, " or "));
  if (!rule.only_from.empty() && !SaidBy(origins, rule.only_from, fact))
    return fmt::format("{} that the {} did not name", KindName(fact), Join(rule.only_from, " or "));
  return "";
}

// A number that reads two ways is authorised when either reading is.
std::string UnauthorisedLeaf(const policy::ToolRule& rule, const Leaf& leaf, const Origins& origins) {
  const std::vector<Fact> facts = Assertions(leaf.text, !rule.fields.empty());
  std::string number_fault;
  bool number_fine = false;
  for (const Fact& fact : facts) {
    std::string fault = Unauthorised(rule, fact, origins);
    if (fact.kind == Fact::kNumber && facts.size() == 2 && facts[0].kind == facts[1].kind) {
      number_fine |= fault.empty();
      number_fault = std::move(fault);
      continue;
    }
    if (!fault.empty()) return fault;
  }
  return number_fine ? "" : number_fault;
}

std::string Provenance(const policy::ToolRule& rule, const json::value& arguments, const Origins& origins) {
  std::vector<Leaf> leaves;
  Leaves(arguments, "", leaves);
  for (const Leaf& leaf : leaves) {
    if (!rule.fields.empty() && !Contains(rule.fields, leaf.field)) continue;
    const std::string fault = UnauthorisedLeaf(rule, leaf, origins);
    if (!fault.empty()) return fmt::format("argument '{}': {}", leaf.field, fault);
  }
  return "";
}

// Why the rule fires, or "".
std::string Fires(const policy::ToolRule& rule, const Result<json::value>& arguments, const Origins& origins) {
  const bool conditional = !rule.arguments.empty() || !rule.not_from.empty() || !rule.only_from.empty();
  if (!conditional) return "every call of this tool";
  if (!arguments) return "the arguments are not JSON";
  if (!rule.arguments.empty())
    if (std::string misfit = Misfit(*arguments, rule.arguments, "arguments"); !misfit.empty()) return misfit;
  if (rule.not_from.empty() && rule.only_from.empty()) return "";
  return Provenance(rule, *arguments, origins);
}

bool IsType(const json::value& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  return value.is_int64() || value.is_uint64() || (value.is_double() && value.get_double() == std::floor(value.get_double()));
}

std::string TypeMisfit(const json::value& value, const json::object& schema, const std::string& name) {
  const json::value* type = schema.if_contains("type");
  if (!type) return "";
  std::vector<std::string> types;
  if (type->is_string()) types.emplace_back(type->get_string());
  else for (const json::value& each : type->as_array()) types.emplace_back(each.as_string());
  const bool fits = std::ranges::any_of(types, [&](const std::string& each) { return IsType(value, each); });
  return fits ? "" : fmt::format("{} must be {}", name, Join(types, " or "));
}

// As a policy writes it: scalars keep their text there.
std::string Written(const json::value& value) { return value.is_string() ? std::string(value.get_string()) : ToJson(value); }

std::optional<double> BoundOf(const json::object& schema, std::string_view key) {
  const json::value* bound = schema.if_contains(key);
  return bound ? std::optional(bound->to_number<double>()) : std::nullopt;
}

std::string OutOfBounds(double value, const json::object& schema, const char* least, const char* most, const std::string& what) {
  if (const auto bound = BoundOf(schema, least); bound && value < *bound) return fmt::format("{} must be at least {}", what, *bound);
  if (const auto bound = BoundOf(schema, most); bound && value > *bound) return fmt::format("{} must be at most {}", what, *bound);
  return "";
}

std::string TextMisfit(std::string_view text, const json::object& schema, const std::string& name) {
  if (const json::string* pattern = FindString(schema, "pattern"); pattern && !RE2::PartialMatch(text, RE2(std::string_view(*pattern))))
    return fmt::format("{} does not match its pattern", name);
  return OutOfBounds(static_cast<double>(Characters(text)), schema, "minLength", "maxLength", fmt::format("the length of {}", name));
}

std::string ObjectMisfit(const json::object& object, const json::object& schema, const std::string& name) {
  const json::object* properties = FindObject(schema, "properties");
  if (const json::array* required = FindArray(schema, "required"))
    for (const json::value& key : *required)
      if (!object.contains(key.as_string())) return fmt::format("{} needs '{}'", name, std::string_view(key.as_string()));
  const json::value* others = schema.if_contains("additionalProperties");
  for (const auto& [key, value] : object) {
    const json::object* property = properties ? FindObject(*properties, key) : nullptr;
    if (!property && others && !others->as_bool()) return fmt::format("{} may not have '{}'", name, std::string_view(key).substr(0, 64));
    if (!property) continue;
    if (std::string misfit = Misfit(value, *property, fmt::format("'{}'", std::string_view(key))); !misfit.empty()) return misfit;
  }
  return "";
}

}  // namespace

std::string Misfit(const json::value& value, const json::object& schema, const std::string& name) {
  if (std::string misfit = TypeMisfit(value, schema, name); !misfit.empty()) return misfit;
  if (const json::array* values = FindArray(schema, "enum")) {
    const bool among = std::ranges::any_of(*values, [&](const json::value& each) { return Written(each) == Written(value); });
    if (!among) return fmt::format("{} is none of the values it may have", name);
  }
  if (value.is_number()) return OutOfBounds(value.to_number<double>(), schema, "minimum", "maximum", name);
  if (value.is_string()) return TextMisfit(value.get_string(), schema, name);
  if (value.is_object()) return ObjectMisfit(value.get_object(), schema, name);
  if (!value.is_array()) return "";
  const json::array& items = value.get_array();
  if (std::string misfit = OutOfBounds(static_cast<double>(items.size()), schema, "minItems", "maxItems", fmt::format("the length of {}", name));
      !misfit.empty())
    return misfit;
  if (const json::object* each = FindObject(schema, "items"))
    for (const json::value& item : items)
      if (std::string misfit = Misfit(item, *each, fmt::format("an item of {}", name)); !misfit.empty()) return misfit;
  return "";
}

std::vector<ToolFinding> CheckCall(const policy::Tools& tools, std::string_view name, std::string_view arguments, const Origins& origins) {
  std::vector<ToolFinding> out;
  if (CoversAny(tools.deny, name)) out.push_back({"tools/deny", tools.action, "this tool is denied"});
  if (!tools.allow.empty() && !CoversAny(tools.allow, name)) out.push_back({"tools/allow", tools.action, "this tool is not among those allowed"});
  const Result<json::value> parsed = Trim(arguments).empty() ? Result<json::value>(json::object()) : ParseJson(arguments, "arguments");
  for (const policy::ToolRule& rule : tools.rules) {
    if (!Covers(rule.name, name)) continue;
    if (std::string why = Fires(rule, parsed, origins); !why.empty()) out.push_back({"tools/" + rule.id, rule.action, std::move(why)});
  }
  std::ranges::stable_sort(out, std::ranges::greater(), &ToolFinding::action);
  return out;
}

}  // namespace plumb::gateway

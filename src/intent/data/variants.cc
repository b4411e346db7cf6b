#include "intent/data/variants.h"

#include <map>

namespace plumb::data {
namespace {

using Lists = std::map<std::string, std::vector<json::object>>;

// Writes a variant's words into a text. Error: kInvalid (a {word} that it does not have).
Result<std::string> FilledIn(std::string_view text, const json::object& variant, bool& used) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find('{', at);
    size_t end = open == std::string_view::npos ? open : open + 1;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
    if (open == std::string_view::npos || end >= text.size() || text[end] != '}' || end == open + 1) {
      // No placeholder: up to and with what looked like the beginning of one.
      const size_t to = open == std::string_view::npos ? text.size() : open + 1;
      out.append(text.substr(at, to - at));
      at = to;
      continue;
    }
    const std::string_view word = text.substr(open + 1, end - open - 1);
    const json::string* filling = FindString(variant, word);
    if (!filling || word == "group") return Fail(Code::kInvalid, "no variant has '{}'", word);
    out.append(text.substr(at, open - at)).append(std::string_view(*filling));
    used = true;
    at = end + 1;
  }
  return out;
}

Status FillValue(json::value& value, const json::object& variant, bool& used) {
  if (value.is_string()) {
    PLUMB_TRY(const std::string text, FilledIn(value.as_string(), variant, used));
    value = text;
  } else if (value.is_array()) {
    for (json::value& one : value.as_array()) PLUMB_CHECK(FillValue(one, variant, used));
  } else if (value.is_object()) {
    if (json::value* content = value.as_object().if_contains("content")) return FillValue(*content, variant, used);
  }
  return {};
}

Result<std::vector<json::object>> VariantList(const json::value& value) {
  std::vector<json::object> out;
  if (!value.is_array() || value.as_array().size() < 2) return Fail(Code::kInvalid, "a list of at least two variants is wanted");
  for (const json::value& one : value.as_array()) {
    const json::object* group = one.is_object() ? FindObject(one.as_object(), "group") : nullptr;
    if (!group || group->empty()) return Fail(Code::kInvalid, "a variant needs 'group', an object such as {{\"gender\": \"women\"}}");
    for (const auto& [attribute, name] : *group) {
      if (!name.is_string() || name.as_string().empty() || attribute == "pair" || attribute == "of" || attribute == "part")
        return Fail(Code::kInvalid, "'{}' of a variant's group must be a text, and no attribute is called pair, part or of", std::string_view(attribute));
    }
    out.push_back(one.as_object());
  }
  return out;
}

Result<std::vector<json::object>> VariantsOf(const json::value& vary, const Lists& lists) {
  if (!vary.is_string()) return VariantList(vary);
  const auto found = lists.find(std::string(vary.as_string()));
  if (found == lists.end()) return Fail(Code::kInvalid, "there is no list of variants '{}' above", std::string_view(vary.as_string()));
  return found->second;
}

// "women-older": letters and digits of the group's values.
std::string SuffixOf(const json::object& group) {
  std::string out;
  for (const auto& [attribute, name] : group) {
    if (!out.empty()) out += '-';
    for (char c : std::string_view(name.as_string())) out += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  }
  return out;
}

Result<std::vector<json::object>> ExpandRow(const json::object& row, const Lists& lists) {
  PLUMB_TRY(const std::vector<json::object> variants, VariantsOf(row.at("vary"), lists));
  PLUMB_TRY(const std::string id, GetString(row, "id"));
  PLUMB_TRY(const std::string cluster, GetStringOr(row, "group", id));
  std::vector<json::object> out;
  std::map<std::string, int> seen;
  for (const json::object& variant : variants) {
    json::object one = row;
    one.erase("vary");
    bool used = false;
    for (const char* key : {"prompt", "messages", "choices"}) {
      if (json::value* value = one.if_contains(key)) PLUMB_CHECK(FillValue(*value, variant, used));
    }
    if (!used) return Fail(Code::kInvalid, "none of its texts has a word of its variants, such as {{name}}");
    const json::object& group = variant.at("group").as_object();
    std::string suffix = SuffixOf(group);
    if (const int copies = seen[suffix]++; copies > 0) suffix += fmt::format("-{}", copies + 1);
    one["id"] = id + "/" + suffix;
    one["group"] = cluster;
    json::object about;
    if (const json::object* own = FindObject(row, "about")) about = *own;
    about["pair"] = id;
    for (const auto& [attribute, name] : group) about[attribute] = name;
    one["about"] = std::move(about);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Result<std::vector<json::object>> ExpandVariants(const std::vector<json::object>& rows, const std::string& name) {
  Lists lists;
  std::vector<json::object> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto here = [&](const Error& error) {
      return FailAt(fmt::format("{}: row {}", name, i + 1), error.code, "{}", error.message);
    };
    if (const json::string* list = FindString(rows[i], "variants")) {
      auto variants = VariantList(rows[i].contains("as") ? rows[i].at("as") : json::value());
      if (!variants) return here(variants.error());
      lists[std::string(*list)] = std::move(*variants);
    } else if (!rows[i].contains("vary")) {
      out.push_back(rows[i]);
    } else {
      auto expanded = ExpandRow(rows[i], lists);
      if (!expanded) return here(expanded.error());
      out.insert(out.end(), expanded->begin(), expanded->end());
    }
  }
  return out;
}

}  // namespace plumb::data

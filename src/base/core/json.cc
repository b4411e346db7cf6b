#include "base/core/json.h"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/core/json_text.h"
#include "base/core/text.h"

namespace plumb {
namespace {

std::string Place(std::string_view name, std::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  const size_t line = std::count(text.begin(), text.begin() + offset, '\n') + 1;
  const size_t newline = offset ? text.rfind('\n', offset - 1) : std::string_view::npos;
  const size_t column = newline == std::string_view::npos ? offset + 1 : offset - newline;
  return fmt::format("{}:{}:{}", name, line, column);
}

// Orders UTF-8 strings by UTF-16 code units, as RFC 8785 §3.2.3 asks: they differ from bytes only where one side has a
// character beyond U+FFFF (from F0 on) and the other one in U+E000…U+FFFF (EE and EF), which then comes later.
bool Utf16Less(std::string_view a, std::string_view b) {
  if (!a.empty() && !b.empty() && a[0] != b[0] && !((a[0] | b[0]) & 0x80)) return a[0] < b[0];
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  const auto rank = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0xEE || byte == 0xEF ? 0x100 + byte : byte;
  };
  return rank(*x) < rank(*y);
}

// How many bytes from `at` on stand for themselves in a JSON string: eight at a time, as long as none of them is a
// control, a quotation mark or a backslash.
size_t Unescaped(std::string_view s, size_t at) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  const size_t from = at;
  for (uint64_t eight; at + sizeof eight <= s.size(); at += sizeof eight) {
    std::memcpy(&eight, s.data() + at, sizeof eight);
    const auto has = [&](uint64_t byte) { return ((eight ^ kOnes * byte) - kOnes) & ~(eight ^ kOnes * byte); };  // Mycroft 1987
    if ((((eight - kOnes * 0x20) & ~eight) | has('"') | has('\\')) & kHighs) break;
  }
  return at - from;
}

void AppendQuoted(std::string_view s, std::string& out) {
  out += '"';
  size_t plain = 0;  // what stands before it is written
  for (size_t i = Unescaped(s, 0); i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(s, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += fmt::format("\\u{:04x}", c);
    }
    i += Unescaped(s, plain);
  }
  out.append(s, plain);
  out += '"';
}

Status AppendString(std::string_view s, std::string& out) {
  if (!IsUtf8(s)) return Fail(Code::kInvalid, "text is not UTF-8 and has no canonical form");
  AppendQuoted(s, out);
  return {};
}

// Writes a number of at most six places after the point, and fifteen digits in all. No other number of so few digits is
// read as the same double, so that these are its shortest digits. Returns the end, or null for all other numbers.
const char* WriteMillionths(double d, char* to) {
  const double size = std::fabs(d);
  if (!(size < 1e9)) return nullptr;
  const auto n = static_cast<uint64_t>(size * 1e6 + 0.5);
  if (static_cast<double>(n) / 1e6 != size) return nullptr;
  if (d < 0) *to++ = '-';
  to = std::to_chars(to, to + 16, n / 1'000'000).ptr;
  uint64_t rest = n % 1'000'000;
  if (rest == 0) return to;
  *to++ = '.';
  for (uint64_t place = 100'000; rest != 0; rest %= place, place /= 10) *to++ = static_cast<char>('0' + rest / place);
  return to;
}

// ECMA-262 §6.1.6.1.20 Number::toString.
Status AppendNumber(double d, std::string& out) {
  if (!std::isfinite(d)) return Fail(Code::kInvalid, "{} has no canonical JSON form", d);
  if (d == 0) {
    out += '0';
    return {};
  }
  char buffer[32];
  if (const char* end = WriteMillionths(d, buffer)) {
    out.append(std::string_view(buffer, end));
    return {};
  }
  // Where ECMAScript writes no exponent and every digit counts, both write the same.
  if (std::fabs(d) >= 1e-6 && std::fabs(d) < 9007199254740992.0) {
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed).ptr);
    return {};
  }
  auto end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(d), std::chars_format::scientific).ptr;
  std::string digits;
  const char* e = std::find(buffer, end, 'e');
  for (const char* p = buffer; p < e; ++p)
    if (*p != '.') digits += *p;
  const int exponent = std::atoi(std::string(e + 1, static_cast<const char*>(end)).c_str());
  const int k = digits.size(), n = exponent + 1;
  if (d < 0) out += '-';
  if (k <= n && n <= 21) {
    out += digits + std::string(n - k, '0');
  } else if (0 < n && n <= 21) {
    out += digits.substr(0, n) + "." + digits.substr(n);
  } else if (-6 < n && n <= 0) {
    out += "0." + std::string(-n, '0') + digits;
  } else {
    out += digits.substr(0, 1);
    if (k > 1) out += "." + digits.substr(1);
    out += fmt::format("e{}{}", n - 1 < 0 ? "-" : "+", std::abs(n - 1));
  }
  return {};
}

Status Append(const json::value& value, std::string& out) {
  constexpr int64_t kExact = int64_t{1} << 53;
  switch (value.kind()) {
    case json::kind::null: out += "null"; return {};
    case json::kind::bool_: out += value.get_bool() ? "true" : "false"; return {};
    case json::kind::int64:
      if (value.get_int64() > kExact || value.get_int64() < -kExact)
        return Fail(Code::kInvalid, "integer {} is beyond 2^53; write it as a string", value.get_int64());
      out += fmt::format_int(value.get_int64()).c_str();
      return {};
    case json::kind::uint64:
      if (value.get_uint64() > static_cast<uint64_t>(kExact))
        return Fail(Code::kInvalid, "integer {} is beyond 2^53; write it as a string", value.get_uint64());
      out += fmt::format_int(value.get_uint64()).c_str();
      return {};
    case json::kind::double_: return AppendNumber(value.get_double(), out);
    case json::kind::string: return AppendString(value.get_string(), out);
    case json::kind::array: {
      out += '[';
      bool first = true;
      for (const auto& item : value.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        PLUMB_CHECK(Append(item, out));
      }
      out += ']';
      return {};
    }
    case json::kind::object: {
      boost::container::small_vector<const json::key_value_pair*, 32> fields;
      fields.reserve(value.get_object().size());
      for (const auto& field : value.get_object()) fields.push_back(&field);
      std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) { return Utf16Less(a->key(), b->key()); });
      out += '{';
      bool first = true;
      for (const json::key_value_pair* field : fields) {
        if (!std::exchange(first, false)) out += ',';
        PLUMB_CHECK(AppendString(field->key(), out));
        out += ':';
        PLUMB_CHECK(Append(field->value(), out));
      }
      out += '}';
      return {};
    }
  }
  return Fail(Code::kInternal, "unknown JSON kind");
}

void Pretty(const json::value& value, std::string indent, std::string& out) {
  if (value.is_object() && !value.get_object().empty()) {
    out += "{\n";
    bool first = true;
    for (const auto& field : value.get_object()) {
      if (!std::exchange(first, false)) out += ",\n";
      out += indent + "  " + json::serialize(json::string(field.key())) + ": ";
      Pretty(field.value(), indent + "  ", out);
    }
    out += "\n" + indent + "}";
  } else if (value.is_array() && !value.get_array().empty()) {
    out += "[\n";
    bool first = true;
    for (const auto& item : value.get_array()) {
      if (!std::exchange(first, false)) out += ",\n";
      out += indent + "  ";
      Pretty(item, indent + "  ", out);
    }
    out += "\n" + indent + "]";
  } else {
    out += json::serialize(value);
  }
}

// Builds a value as json::parser does, but reads numbers exactly: Boost.JSON 1.81 rounds some decimals to a neighbouring
// double, and a canonical form must survive being parsed.
class ExactHandler {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();
  using View = json::string_view;
  using Code = json::error_code;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t n, Code&) { return stack_.push_object(n), true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t n, Code&) { return stack_.push_array(n), true; }
  bool on_key_part(View s, std::size_t, Code&) { return stack_.push_chars(s), true; }
  bool on_key(View s, std::size_t, Code&) { return stack_.push_key(s), true; }
  bool on_string_part(View s, std::size_t, Code&) { return stack_.push_chars(s), true; }
  bool on_string(View s, std::size_t, Code&) { return stack_.push_string(s), true; }
  bool on_number_part(View s, Code&) { return number_.append(s.data(), s.size()), true; }
  bool on_int64(std::int64_t n, View, Code&) { return number_.clear(), stack_.push_int64(n), true; }
  bool on_uint64(std::uint64_t n, View, Code&) { return number_.clear(), stack_.push_uint64(n), true; }
  bool on_double(double d, View s, Code& error) {
    number_.append(s.data(), s.size());
    double exact = d;
    std::from_chars(number_.data(), number_.data() + number_.size(), exact);
    number_.clear();
    if (std::isfinite(exact)) return stack_.push_double(exact), true;
    error = json::error::exponent_overflow;  // what would be written as Infinity, which is not JSON
    return false;
  }
  bool on_bool(bool b, Code&) { return stack_.push_bool(b), true; }
  bool on_null(Code&) { return stack_.push_null(), true; }
  bool on_comment_part(View, Code&) { return true; }
  bool on_comment(View, Code&) { return true; }

  void Begin(json::storage_ptr memory) {
    stack_.reset(std::move(memory));
    number_.clear();
  }
  void Drop() { stack_.reset(); }
  json::value Release() { return stack_.release(); }

 private:
  json::value_stack stack_;
  std::string number_;
};

std::unexpected<Error> Missing(std::string_view key, const json::value* found, std::string_view wanted) {
  if (!found) return Fail(Code::kInvalid, "field '{}' is missing; it must be {}", key, wanted);
  return Fail(Code::kInvalid, "field '{}' is {}; it must be {}", key, json::to_string(found->kind()), wanted);
}

}  // namespace

namespace {

using Parser = json::basic_parser<ExactHandler>;

json::parse_options Depth() {
  json::parse_options options;
  options.max_depth = 64;
  return options;
}

Result<json::value> ParseWith(Parser& parser, std::string_view text, std::string_view name, json::storage_ptr memory) {
  json::error_code error;
  parser.reset();
  parser.handler().Begin(std::move(memory));
  const size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error) {
    parser.handler().Drop();
    return FailAt(Place(name, text, used), Code::kInvalid, "not JSON: {}", error.message());
  }
  json::value value = parser.handler().Release();
  const size_t rest = text.find_first_not_of(" \t\r\n", used);
  if (rest != std::string_view::npos) return FailAt(Place(name, text, rest), Code::kInvalid, "text after the end of the JSON value");
  return value;
}

}  // namespace

Result<json::value> ParseJsonIn(json::storage_ptr memory, std::string_view text, std::string_view name) {
  // A parser keeps its memory from one text to the next, but not that of a large one.
  constexpr size_t kKept = 64 << 10;
  if (text.size() > kKept) {
    Parser parser(Depth());
    return ParseWith(parser, text, name, std::move(memory));
  }
  thread_local Parser parser(Depth());
  return ParseWith(parser, text, name, std::move(memory));
}

Result<json::value> ParseJson(std::string_view text, std::string_view name) { return ParseJsonIn({}, text, name); }

void AppendJsonString(std::string_view text, std::string& out) { AppendQuoted(text, out); }

Result<json::value> ReadJson(const fs::path& path) {
  PLUMB_TRY(auto text, ReadFile(path));
  return ParseJson(text, path.string());
}

Result<std::string> CanonicalJson(const json::value& value) {
  std::string out;
  PLUMB_CHECK(Append(value, out));
  return out;
}

std::string ToJson(const json::value& value) { return json::serialize(value); }

std::string ToPrettyJson(const json::value& value) {
  std::string out;
  Pretty(value, "", out);
  out += '\n';
  return out;
}

Result<std::vector<json::object>> ParseJsonl(std::string_view text, std::string_view name) {
  std::vector<json::object> rows;
  size_t number = 0;
  for (std::string_view line : Split(text, '\n')) {
    ++number;
    if (Trim(line).empty()) continue;
    auto value = ParseJson(line, name);
    if (!value) {
      Error error = value.error();
      const size_t column = error.where.rfind(':');
      error.where = fmt::format("{}:{}{}", name, number, error.where.substr(column));
      return std::unexpected(error);
    }
    if (!value->is_object())
      return FailAt(fmt::format("{}:{}:1", name, number), Code::kInvalid, "the line is not a JSON object");
    rows.push_back(std::move(value->get_object()));
  }
  return rows;
}

Result<std::vector<json::object>> ReadJsonl(const fs::path& path) {
  PLUMB_TRY(auto text, ReadFile(path));
  return ParseJsonl(text, path == "-" ? "standard input" : path.string());
}

Status WriteJsonl(const fs::path& path, const std::vector<json::object>& rows) {
  std::string text;
  for (const auto& row : rows) {
    text += json::serialize(row);
    text += '\n';
  }
  return WriteFileAtomic(path, text);
}

Result<std::string> GetString(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (!value || !value->is_string()) return Missing(key, value, "a string");
  return std::string(value->get_string());
}

Result<double> GetNumber(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (!value || !value->is_number()) return Missing(key, value, "a number");
  return value->to_number<double>();
}

Result<int64_t> GetInt(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  json::error_code error;
  if (!value || !value->is_number()) return Missing(key, value, "an integer");
  const auto n = value->to_number<int64_t>(error);
  if (error) return Missing(key, value, "an integer");
  return n;
}

#define PLUMB_GET_OR(Name, Get, Type, Fallback)                                                  \
  Result<Type> Name(const json::object& object, std::string_view key, Fallback fallback) {       \
    const auto* value = object.if_contains(key);                                                 \
    if (!value || value->is_null()) return Type(fallback);                                       \
    return Get(object, key);                                                                     \
  }
PLUMB_GET_OR(GetStringOr, GetString, std::string, std::string_view)
PLUMB_GET_OR(GetNumberOr, GetNumber, double, double)
PLUMB_GET_OR(GetIntOr, GetInt, int64_t, int64_t)
#undef PLUMB_GET_OR

Result<bool> GetBoolOr(const json::object& object, std::string_view key, bool fallback) {
  const auto* value = object.if_contains(key);
  if (!value || value->is_null()) return fallback;
  if (!value->is_bool()) return Missing(key, value, "true or false");
  return value->get_bool();
}

const json::object* FindObject(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value ? value->if_object() : nullptr;
}
const json::array* FindArray(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value ? value->if_array() : nullptr;
}
const json::string* FindString(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value ? value->if_string() : nullptr;
}

}  // namespace plumb

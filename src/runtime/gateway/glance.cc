#include "runtime/gateway/glance.h"

#include <boost/json/basic_parser_impl.hpp>

#include "base/core/json.h"

namespace plumb::gateway {
namespace {

// Keeps two fields of the outermost object and throws the rest away as it passes.
class Handler {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();
  using View = json::string_view;
  using Code = json::error_code;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) {
    odd_ |= field_ != Field::kOther;
    is_object_ |= depth_ == 0;
    ++depth_;
    return true;
  }
  bool on_object_end(std::size_t, Code&) { return --depth_, Value(); }
  bool on_array_begin(Code&) {
    odd_ |= field_ != Field::kOther;
    ++depth_;
    return true;
  }
  bool on_array_end(std::size_t, Code&) { return --depth_, Value(); }
  bool on_key_part(View part, std::size_t, Code&) {
    if (depth_ == 1) key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(View part, std::size_t, Code&) {
    if (depth_ != 1) return true;
    if (key_.empty()) {
      field_ = FieldOf({part.data(), part.size()});
    } else {
      key_.append(part.data(), part.size());
      field_ = FieldOf(key_);
      key_.clear();
    }
    return true;
  }
  bool on_string_part(View, std::size_t, Code&) {
    odd_ |= field_ != Field::kOther;
    return true;
  }
  bool on_string(View text, std::size_t whole, Code&) {
    if (field_ == Field::kModel && text.size() == whole) {
      odd_ |= ++models_ > 1;
      seen_.model = {text.data(), text.size()};
    } else {
      odd_ |= field_ != Field::kOther;
    }
    return Value();
  }
  bool on_bool(bool value, Code&) {
    if (field_ == Field::kStream) {
      odd_ |= ++streams_ > 1;
      seen_.stream = value;
    } else {
      odd_ |= field_ != Field::kOther;
    }
    return Value();
  }
  bool on_number_part(View, Code&) { return true; }
  bool on_int64(std::int64_t, View, Code&) { return Scalar(); }
  bool on_uint64(std::uint64_t, View, Code&) { return Scalar(); }
  bool on_double(double, View, Code&) { return Scalar(); }
  bool on_null(Code&) { return Scalar(); }
  bool on_comment_part(View, Code&) { return true; }
  bool on_comment(View, Code&) { return true; }

  std::optional<Glance> Seen(std::string_view body) const {
    // A view into the parser's own buffer would not outlive it.
    const bool inside = seen_.model.data() >= body.data() && seen_.model.data() + seen_.model.size() <= body.data() + body.size();
    if (odd_ || !is_object_ || models_ != 1 || !inside) return std::nullopt;
    return seen_;
  }

 private:
  enum class Field { kOther, kModel, kStream };
  Field FieldOf(std::string_view key) const {
    return key == "model" ? Field::kModel : key == "stream" ? Field::kStream : Field::kOther;
  }
  bool Value() {
    if (depth_ <= 1) field_ = Field::kOther;
    return true;
  }
  bool Scalar() {
    odd_ |= field_ != Field::kOther;
    return Value();
  }

  Glance seen_;
  std::string key_;
  Field field_ = Field::kOther;  // of the outermost object, whose value comes next
  int depth_ = 0, models_ = 0, streams_ = 0;
  bool is_object_ = false, odd_ = false;
};

}  // namespace

std::optional<Glance> GlanceAt(std::string_view body) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 64;
  json::basic_parser<Handler> parser(options);
  const size_t used = parser.write_some(false, body.data(), body.size(), error);
  if (error || body.find_first_not_of(" \t\r\n", used) != std::string_view::npos) return std::nullopt;
  return parser.handler().Seen(body);
}

std::string WithModel(std::string_view body, const Glance& seen, std::string_view model) {
  const auto at = static_cast<size_t>(seen.model.data() - body.data());
  std::string out;
  out.reserve(body.size() + model.size() + 16);
  out.append(body.substr(0, at - 1)).append(ToJson(json::value(json::string_view(model.data(), model.size()))));
  out.append(body.substr(at + seen.model.size() + 1));
  return out;
}

}  // namespace plumb::gateway

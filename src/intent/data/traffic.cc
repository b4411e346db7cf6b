#include "intent/data/traffic.h"

#include <algorithm>
#include <iterator>

#include "intent/data/traffic_row.h"

namespace plumb::data {
namespace {

constexpr std::string_view kNames[] = {"plumb", "openai", "litellm", "langfuse"};

// The end of the JSON object that begins at `begin`, one past its brace; npos where it does not end.
size_t ObjectEnd(std::string_view text, size_t begin) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    else if (c == '{') ++depth;
    else if (c == '}' && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

// JSONL: the first line that is not blank holds a whole object. (A log whose last line was cut is still JSONL.)
bool OneObjectALine(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] != '{') return false;
  return ObjectEnd(text.substr(begin, text.find('\n', begin) - begin), 0) != std::string_view::npos;
}

struct LineColumn {
  size_t line = 1, column = 1;
};

// An error inside a slice of the file, placed in the whole of it.
Error Placed(Error error, const std::string& name, LineColumn begin) {
  const size_t colon = error.where.rfind(':');
  const size_t before = colon == std::string::npos ? colon : error.where.rfind(':', colon - 1);
  size_t line = 1, column = 1;
  if (before != std::string::npos) {
    line = std::strtoul(error.where.c_str() + before + 1, nullptr, 10);
    column = std::strtoul(error.where.c_str() + colon + 1, nullptr, 10);
  }
  error.where = fmt::format("{}:{}:{}", name, begin.line + line - 1, line == 1 ? begin.column + column - 1 : column);
  return error;
}

}  // namespace

std::string_view TrafficFormatName(TrafficFormat format) { return kNames[static_cast<int>(format)]; }

Result<TrafficFormat> ParseTrafficFormat(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<TrafficFormat>(i);
  }
  const std::vector<std::string> names(std::begin(kNames), std::end(kNames));
  return Fail(Code::kInvalid, "no traffic format '{}'{}; it must be one of {}", name, DidYouMean(name, names), Join(names, ", "));
}

Result<TrafficReader> TrafficReader::Open(const fs::path& path, TrafficFormat format) {
  PLUMB_TRY(std::string text, ReadFile(path));
  return TrafficReader(std::move(text), path == "-" ? "standard input" : path.string(), format);
}

TrafficReader::TrafficReader(std::string text, std::string name, TrafficFormat format)
    : text_(std::move(text)), name_(std::move(name)), format_(format) {
  if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark
  lines_ = OneObjectALine(std::string_view(text_).substr(at_));
  if (!lines_) {
    // An array's brackets and commas are only what stands between the rows.
    const size_t first = text_.find_first_not_of(" \t\r\n", at_);
    if (first != std::string::npos && text_[first] == '[') at_ = first + 1;
  }
}

double TrafficReader::progress() const {
  return text_.empty() ? 1 : static_cast<double>(at_) / static_cast<double>(text_.size());
}

std::optional<TrafficReader::Slice> TrafficReader::NextSlice() {
  const std::string_view text = text_;
  const size_t begin = text.find_first_not_of(lines_ ? " \t\r\n" : " \t\r\n,]", at_);
  if (begin == std::string_view::npos) {
    at_ = text.size();
    return std::nullopt;
  }
  size_t end = std::string_view::npos;
  if (lines_) {
    end = std::min(text.find('\n', begin), text.size());
  } else if (text[begin] == '{') {
    end = ObjectEnd(text, begin);
  } else {
    end = std::min(text.find_first_of("\n{", begin), text.size());
  }
  at_ = end == std::string_view::npos ? text.size() : end;
  return Slice{begin, at_};
}

Status TrafficReader::Take(Slice slice) {
  const std::string_view text = std::string_view(text_).substr(slice.begin, slice.end - slice.begin);
  for (; counted_ < slice.begin; ++counted_) {
    if (text_[counted_] != '\n') continue;
    ++line_;
    line_begin_ = counted_ + 1;
  }
  const LineColumn place{line_, slice.begin - line_begin_ + 1};
  auto parsed = ParseJson(text, "row");
  if (!parsed) return std::unexpected(Placed(std::move(parsed).error(), name_, place));
  if (!parsed->is_object()) {
    return FailAt(fmt::format("{}:{}:{}", name_, place.line, place.column), Code::kInvalid, "a row must be a JSON object");
  }
  const auto read = [&](const json::object& object) {
    const TrafficRow row{object, text, name_, place.line, place.column};
    TrafficSink sink{ready_, skipped_};
    switch (format_) {
      case TrafficFormat::kPlumb: return ReadPlumbTraffic(row, sink);
      case TrafficFormat::kOpenAi: return ReadOpenAiTraffic(row, sink);
      case TrafficFormat::kLiteLlm: return ReadLiteLlmTraffic(row, sink);
      case TrafficFormat::kLangfuse: return ReadLangfuseTraffic(row, sink);
    }
    return Status();
  };
  // A page of an API's listing holds the rows under "data".
  const json::array* page = FindArray(parsed->get_object(), "data");
  if (!page || parsed->get_object().contains("messages")) return read(parsed->get_object());
  for (size_t i = 0; i < page->size(); ++i) {
    const json::object* object = (*page)[i].if_object();
    if (!object) {
      return FailAt(fmt::format("{}:{}:{}", name_, place.line, place.column), Code::kInvalid, "data[{}] must be an object", i);
    }
    PLUMB_CHECK(read(*object));
  }
  return {};
}

Result<std::optional<Traffic>> TrafficReader::Next() {
  while (ready_.empty()) {
    const std::optional<Slice> slice = NextSlice();
    if (!slice) return std::nullopt;
    PLUMB_CHECK(Take(*slice));
  }
  std::optional<Traffic> one = std::move(ready_.front());
  ready_.pop_front();
  return one;
}

}  // namespace plumb::data

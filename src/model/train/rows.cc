#include "model/train/rows.h"

#include <algorithm>

namespace plumb::train {
namespace {

using data::TrlShape;

// Reasons in the order they were met, each with the lines it holds for.
class Complaints {
 public:
  void Add(const std::string& file, size_t line, std::string reason) {
    auto same = std::ranges::find_if(
        all_, [&](const Reason& r) { return r.file == file && r.text == reason; });
    if (same == all_.end())
      all_.push_back({file, std::move(reason), {line}});
    else
      same->lines.push_back(line);
    ++rows_;
  }
  Status Verdict() const {
    if (all_.empty()) return {};
    std::vector<std::string> parts;
    for (const Reason& r : all_)
      parts.push_back(fmt::format("{} line{} {}: {}", r.file, r.lines.size() > 1 ? "s" : "",
                                  Ranges(r.lines), r.text));
    return Fail(Code::kInvalid, "{} row{} cannot be used: {}", rows_, rows_ > 1 ? "s" : "",
                Join(parts, "; "));
  }

 private:
  struct Reason {
    std::string file, text;
    std::vector<size_t> lines;
  };
  static std::string Ranges(const std::vector<size_t>& lines) {
    std::vector<std::string> parts;
    for (size_t i = 0; i < lines.size();) {
      size_t n = 1;
      while (i + n < lines.size() && lines[i + n] == lines[i] + n) ++n;
      parts.push_back(n == 1 ? fmt::format("{}", lines[i])
                             : fmt::format("{} to {}", lines[i], lines[i + n - 1]));
      i += n;
    }
    return Join(parts, ", ");
  }
  std::vector<Reason> all_;
  size_t rows_ = 0;
};

bool Empty(const data::TrlText& text) {
  if (!text.conversational) return Trim(text.text).empty();
  return text.messages.empty() || Trim(text.messages.back().content).empty();
}

Status CheckShape(Job job, const data::TrlRow& row) {
  const TrlShape shape = row.shape;
  if (IsOnline(job)) {
    if (shape == TrlShape::kText || shape == TrlShape::kMessages || Empty(row.prompt))
      return Fail(Code::kInvalid, "a row to generate from needs \"prompt\"; this one is {}",
                  TrlShapeName(shape));
    return {};
  }
  if (job == Job::kSft) {
    if (shape == TrlShape::kPrompt || shape == TrlShape::kUnpaired || shape == TrlShape::kStepwise)
      return Fail(Code::kInvalid,
                  "a row to imitate needs text, messages or prompt and completion; this one is {}",
                  TrlShapeName(shape));
    return {};
  }
  if (shape == TrlShape::kPreference) return {};
  if (job == Job::kKto && shape == TrlShape::kUnpaired) return {};
  return Fail(Code::kInvalid, "{} needs {}; this row is {}", JobName(job),
              job == Job::kKto ? "\"completion\" and \"label\"" : "\"chosen\" and \"rejected\"",
              TrlShapeName(shape));
}

Status CheckRoles(const std::vector<data::Message>& messages) {
  static const std::vector<std::string> known = {"system",    "developer", "user",
                                                 "assistant", "tool",      "function"};
  for (const data::Message& m : messages)
    if (std::ranges::find(known, m.role) == known.end())
      return Fail(Code::kInvalid, "no role \"{}\"{}; there are {}", m.role,
                  DidYouMean(m.role, known), Join(known, ", "));
  return {};
}

Status CheckAnswer(const data::TrlText& answer, const char* name, bool may_be_empty) {
  if (!answer.conversational) {
    if (!may_be_empty && Empty(answer)) return Fail(Code::kInvalid, "\"{}\" is empty", name);
    return {};
  }
  PLUMB_CHECK(CheckRoles(answer.messages));
  if (answer.messages.empty() || answer.messages.back().role != "assistant")
    return Fail(Code::kInvalid, "\"{}\" must end with what the assistant says", name);
  if (!may_be_empty && Empty(answer)) return Fail(Code::kInvalid, "\"{}\" is empty", name);
  return {};
}

Status CheckRow(Job job, const data::TrlRow& row) {
  static const std::vector<std::string> near = {"prompt",   "completion", "chosen", "rejected",
                                                "messages", "weight",     "anchor", "margin"};
  for (const auto& item : row.extra) {
    const std::string key(item.key());
    if (std::ranges::find(near, key) != near.end()) continue;
    if (const std::string meant = DidYouMean(key, near); key.size() >= 5 && !meant.empty())
      return Fail(Code::kInvalid, "unknown key \"{}\"{}", key, meant);
  }
  PLUMB_CHECK(CheckShape(job, row));
  if (row.prompt.conversational) PLUMB_CHECK(CheckRoles(row.prompt.messages));
  if (IsOnline(job)) return {};
  switch (row.shape) {
    case TrlShape::kText:
      return Empty(row.completion) ? Fail(Code::kInvalid, "\"text\" is empty") : Status{};
    case TrlShape::kMessages: {
      PLUMB_CHECK(CheckRoles(row.completion.messages));
      const auto speaks = [](const data::Message& m) { return m.role == "assistant"; };
      if (!std::ranges::any_of(row.completion.messages, speaks))
        return Fail(Code::kInvalid, "\"messages\" holds nothing that the assistant says");
      return {};
    }
    case TrlShape::kPreference:
      PLUMB_CHECK(CheckAnswer(row.chosen, "chosen", false));
      PLUMB_CHECK(CheckAnswer(row.rejected, "rejected", true));
      if (row.chosen == row.rejected)
        return Fail(Code::kInvalid, "\"chosen\" and \"rejected\" are the same");
      return {};
    default:
      return CheckAnswer(row.completion, "completion", row.anchor);  // held, not imitated
  }
}

void ParseInto(Job job, std::string_view text, const std::string& name,
               std::vector<data::TrlRow>& rows, Complaints& complaints) {
  size_t line = 0;
  for (std::string_view part : Split(text, '\n')) {
    ++line;
    if (Trim(part).empty()) continue;
    const auto read = [&]() -> Status {
      PLUMB_TRY(const json::value value, ParseJson(part, name));
      if (!value.is_object()) return Fail(Code::kInvalid, "a row must be a JSON object");
      PLUMB_TRY(data::TrlRow row,
                data::TrlRowFromJson(value.get_object(), fmt::format("{}:{}", name, line)));
      PLUMB_CHECK(CheckRow(job, row));
      rows.push_back(std::move(row));
      return {};
    };
    if (Status status = read(); !status) complaints.Add(name, line, status.error().message);
  }
}

}  // namespace

Result<std::vector<data::TrlRow>> ParseRows(Job job, std::string_view text,
                                            const std::string& name) {
  std::vector<data::TrlRow> rows;
  Complaints complaints;
  ParseInto(job, text, name, rows, complaints);
  PLUMB_CHECK(complaints.Verdict());
  return rows;
}

Result<std::vector<data::TrlRow>> ReadRows(Job job, const std::vector<std::string>& files) {
  std::vector<data::TrlRow> rows;
  Complaints complaints;
  for (const std::string& file : files) {
    PLUMB_TRY(const std::string text, ReadFile(file));
    ParseInto(job, text, file, rows, complaints);
  }
  PLUMB_CHECK(complaints.Verdict());
  if (rows.empty()) return Fail(Code::kInvalid, "{} has no rows", Join(files, ", "));
  return rows;
}

}  // namespace plumb::train

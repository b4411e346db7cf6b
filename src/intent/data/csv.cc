#include "intent/data/csv.h"

namespace plumb::data {

Result<std::vector<std::vector<std::string>>> ParseCsv(std::string_view text, const std::string& name,
                                                       char separator) {
  if (!IsUtf8(text)) return FailAt(name, Code::kInvalid, "not valid UTF-8");
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record;
  std::string field;
  size_t line = 1, i = 0;
  const auto end_field = [&] {
    record.push_back(std::move(field));
    field.clear();
  };
  const auto end_record = [&] {
    end_field();
    if (record.size() > 1 || !record[0].empty()) records.push_back(std::move(record));
    record.clear();
  };
  while (i < text.size()) {
    if (text[i] == '"' && field.empty()) {
      const size_t opened = line;
      for (++i;; ++i) {
        if (i >= text.size())
          return FailAt(fmt::format("{}:{}", name, opened), Code::kInvalid, "a quote is opened here and never closed");
        if (text[i] == '"') {
          if (i + 1 >= text.size() || text[i + 1] != '"') break;
          ++i;
        }
        line += text[i] == '\n';
        field += text[i];
      }
      ++i;
      if (i < text.size() && text[i] != separator && text[i] != '\n' && text[i] != '\r')
        return FailAt(fmt::format("{}:{}", name, line), Code::kInvalid,
                      "text follows a closing quote; a quote inside a field is written twice");
      if (i >= text.size() || text[i] != separator) continue;
    }
    if (text[i] == separator) {
      end_field();
    } else if (text[i] == '\n') {
      end_record();
      ++line;
    } else if (text[i] != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') {
      field += text[i];
    }
    ++i;
  }
  if (!field.empty() || !record.empty()) end_record();
  return records;
}

Result<std::vector<json::object>> ParseCsvRows(std::string_view text, const std::string& name) {
  PLUMB_TRY(const auto records, ParseCsv(text, name));
  std::vector<json::object> rows;
  for (size_t i = 1; i < records.size(); ++i) {
    if (records[i].size() != records[0].size())
      return FailAt(fmt::format("{}: record {}", name, i + 1), Code::kInvalid, "{} fields, the header has {}",
                    records[i].size(), records[0].size());
    json::object row;
    for (size_t k = 0; k < records[i].size(); ++k) row[records[0][k]] = records[i][k];
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace plumb::data

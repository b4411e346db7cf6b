#include "model/train/classifier_rows.h"

#include <algorithm>
#include <cmath>

#include "intent/data/rows.h"

namespace plumb::train {
namespace {

Result<ClassifierRow> FromJson(const json::object& o) {
  ClassifierRow row;
  PLUMB_TRY(row.text, GetString(o, "text"));
  if (o.contains("text_pair")) {
    PLUMB_TRY(row.text_pair, GetString(o, "text_pair"));
  }
  PLUMB_TRY(row.weight, GetNumberOr(o, "weight", 1));
  if (!std::isfinite(row.weight) || row.weight < 0)
    return Fail(Code::kInvalid, "\"weight\" must be 0 or more");
  const json::object* labels = FindObject(o, "labels");
  if (!labels || labels->empty())
    return Fail(Code::kInvalid, "\"labels\" must be an object of heads, each 0 or 1");
  for (const auto& item : *labels) {
    const std::string head(item.key());
    if (head.empty() || head.find('.') != std::string::npos)
      return Fail(Code::kInvalid, "\"labels\": '{}' is not a head's name (no dots)", head);
    double label = -1;
    if (item.value().is_bool()) label = item.value().get_bool();
    if (item.value().is_number()) label = item.value().to_number<double>();
    if (!(label >= 0 && label <= 1))
      return Fail(Code::kInvalid, "\"labels\".{} must be 0 or 1", head);
    row.labels[head] = label;
  }
  return row;
}

}  // namespace

Result<std::vector<ClassifierRow>> ParseClassifierRows(std::string_view text,
                                                       std::string_view name) {
  std::vector<ClassifierRow> rows;
  PLUMB_CHECK(data::EachRow(text, name, [&](const json::object& object, const std::string& where) -> Status {
    PLUMB_TRY(ClassifierRow row, FromJson(object));
    row.where = where;
    rows.push_back(std::move(row));
    return {};
  }));
  return rows;
}

Result<std::vector<ClassifierRow>> ReadClassifierRows(const fs::path& path) {
  PLUMB_TRY(const std::string text, ReadFile(path));
  return ParseClassifierRows(text, path.string());
}

Result<LabelledTokens> EncodeClassifierRow(const ClassifierRow& row, const lm::Tokenizer& tokenizer,
                                           const std::vector<std::string>& heads,
                                           int64_t max_length) {
  LabelledTokens out;
  if (row.text_pair) {
    std::vector<int32_t> types;
    out.ids = tokenizer.EncodePair(row.text, *row.text_pair, &types);
    out.types.assign(types.begin(), types.end());
  } else {
    out.ids = tokenizer.Encode(row.text, {.add_bos_eos = true});
    out.types.assign(out.ids.size(), 0);
  }
  const size_t keep = static_cast<size_t>(max_length);
  if (out.ids.size() > keep) {
    const int32_t closing = out.ids.back();
    out.ids.resize(keep);
    out.types.resize(keep);
    out.ids.back() = closing;
  }
  for (const auto& [head, label] : row.labels) {
    auto found = std::find(heads.begin(), heads.end(), head);
    if (found == heads.end())
      return FailAt(row.where, Code::kInvalid, "label '{}' is not among \"heads\"{}", head,
                    DidYouMean(head, heads));
    out.labels.emplace_back(found - heads.begin(), label);
  }
  out.weight = row.weight;
  return out;
}

}  // namespace plumb::train

#include "intent/data/split.h"

#include <charconv>
#include <cmath>

#include "intent/data/duplicate.h"

namespace plumb::data {

Result<std::vector<Part>> ParseParts(std::string_view text) {
  std::vector<Part> parts;
  double sum = 0;
  for (std::string_view item : Split(text, ',')) {
    item = Trim(item);
    const size_t equals = item.find('=');
    double share = 0;
    const char* end = item.data() + item.size();
    if (equals == std::string_view::npos || equals == 0 ||
        std::from_chars(item.data() + equals + 1, end, share).ptr != end || !(share > 0 && share <= 1))
      return Fail(Code::kInvalid, "part '{}' must be NAME=SHARE with a share above 0, as in train=0.8,test=0.2", item);
    parts.push_back({std::string(item.substr(0, equals)), share});
    sum += share;
  }
  if (std::abs(sum - 1) > 1e-6) return Fail(Code::kInvalid, "the shares of '{}' sum to {:g}, must sum to 1", text, sum);
  return parts;
}

size_t PartOf(std::string_view group, const std::vector<Part>& parts, std::string_view salt) {
  std::string keyed(salt);
  keyed += '\0';
  keyed += group;
  const std::string digest = Sha256(keyed);
  uint64_t head = 0;
  for (int i = 0; i < 8; ++i) head = head << 8 | static_cast<unsigned char>(digest[i]);
  double at = static_cast<double>(head >> 11) * 0x1.0p-53;
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (at < parts[i].share) return i;
    at -= parts[i].share;
  }
  return parts.size() - 1;
}

std::string RowGroup(const json::object& row, std::string_view field) {
  for (std::string_view key : {field, std::string_view("group")}) {
    if (const json::string* value = key.empty() ? nullptr : FindString(row, key)) return std::string(*value);
  }
  return NormalizeForComparison(RowPrompt(row));
}

}  // namespace plumb::data

// Any bytes as a data set: suite cases, training rows, CSV, and every public layout we import.
#include <cstdint>
#include <cstdlib>

#include "intent/data/csv.h"
#include "intent/data/data.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace plumb;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  if (auto rows = ParseJsonl(text, "fuzz.jsonl")) {
    for (const json::object& row : *rows) (void)data::ParseCase(row, "fuzz.jsonl:1");
  }
  if (auto rows = data::ParseTrl(text, "fuzz.jsonl")) {
    for (const data::TrlRow& row : *rows) {
      const json::object written = data::TrlRowToJson(row);
      const auto again = data::TrlRowFromJson(written, "again");
      if (!again || data::TrlRowToJson(*again) != written) std::abort();
    }
  }
  (void)data::ParseCsvRows(text, "fuzz.csv");
  (void)data::ParseParts(text.substr(0, 200));
  (void)data::DetectFormat("fuzz.csv", text);
  const auto& formats = data::Formats();
  (void)data::Import(formats[bytes[0] % formats.size()].name, text, "fuzz", {});
  return 0;
}

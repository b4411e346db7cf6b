// Any bytes as guard.json or linear.bin: a guard's record, which reads the same when written, or an
// error.
#include <cstdint>
#include <cstdlib>

#include "runtime/guard/linear.h"
#include "runtime/guard/record.h"
#include "runtime/guard/refusal_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)guard::LinearModel::Parse(text, "fuzz.bin");
  (void)guard::RefusalModel::Parse(text);
  const auto value = ParseJson(text);
  if (!value || !value->is_object()) return 0;
  const auto record = guard::ParseRecord(value->get_object(), "fuzz.json");
  if (!record) return 0;
  const json::object written = guard::RecordJson(*record);
  const auto again = guard::ParseRecord(written, "again");
  if (!again || guard::RecordJson(*again) != written) std::abort();
  return 0;
}

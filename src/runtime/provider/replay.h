// A Provider that answers from a file: JSONL rows {"id","output"}.
#pragma once

#include <memory>

#include "runtime/provider/provider.h"

namespace plumb::provider {

// Rows may also carry "finish_reason", "model", "usage" and "error". A request is looked up by its id; one without a
// row fails with kNotFound, never passes. Errors: kNotFound, kInvalid (no id, an id twice).
Result<std::unique_ptr<Provider>> OpenReplay(const fs::path& file, asio::any_io_executor executor);

}  // namespace plumb::provider

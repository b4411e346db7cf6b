// Scalars as TensorBoard reads them: a TFRecord file of Event messages, written without TensorFlow.
//
// Each record is length, CRC of the length, data, CRC of the data (CRC-32C, masked); an Event holds
// wall_time, step and Summary values {tag, simple_value}. One file a process; a resumed run writes
// another beside it, and TensorBoard shows them as one.
#pragma once

#include <functional>
#include <string>

#include "base/core/core.h"

namespace plumb::train {

class TensorBoard {
 public:
  // The file is made with the first row: FOLDER/events.out.tfevents.SECONDS.plumb.STEP.
  TensorBoard(fs::path folder, int64_t first_step, std::function<double()> wall_seconds)
      : folder_(std::move(folder)), first_step_(first_step), wall_seconds_(std::move(wall_seconds)) {}
  // Every number of a row under its name, prefixed "train/" as transformers does. Error: kIo.
  Status Add(int64_t step, const json::object& row);

 private:
  Status Write(const std::string& event);

  fs::path folder_, file_;
  int64_t first_step_;
  std::function<double()> wall_seconds_;
};

// CRC-32C (Castagnoli), as TFRecord masks it.
uint32_t MaskedCrc32c(std::string_view data);

}  // namespace plumb::train

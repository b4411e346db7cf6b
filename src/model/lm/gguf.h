// GGUF v2/v3: metadata and tensors (F32, F16, BF16, Q4_0, Q4_1, Q8_0), read only.
#pragma once

#include <variant>

#include "model/lm/tensors.h"

namespace plumb::lm {

using GgufValue = std::variant<int64_t, double, bool, std::string, std::vector<std::string>, std::vector<int64_t>,
                               std::vector<double>>;

struct Gguf {
  std::map<std::string, GgufValue> metadata;
  Weights weights;  // named as in the file; shapes in row-major order (rows first)

  const std::string* FindText(const std::string& key) const { return Find<std::string>(key); }
  const int64_t* FindInt(const std::string& key) const { return Find<int64_t>(key); }
  template <class T>
  const T* Find(const std::string& key) const {
    auto found = metadata.find(key);
    return found == metadata.end() ? nullptr : std::get_if<T>(&found->second);
  }
};

// Errors: kNotFound, kCorrupt, kUnsupported (version, element type).
Result<Gguf> OpenGguf(const fs::path& path);
Result<Gguf> ParseGguf(std::shared_ptr<const MappedFile> file, std::string_view bytes, std::string_view name);

}  // namespace plumb::lm

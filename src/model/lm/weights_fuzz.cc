// Any bytes as a model file: every tensor it names lies inside it, or it is refused.
#include <cstdint>
#include <cstdlib>

#include "model/lm/bpe.h"
#include "model/lm/gguf.h"

namespace {

void ReadEverything(const plumb::lm::Weights& weights, std::string_view file) {
  for (const auto& [name, tensor] : weights.tensors()) {
    if (!tensor.bytes.empty() &&
        (tensor.bytes.data() < file.data() ||
         tensor.bytes.data() + tensor.bytes.size() > file.data() + file.size()))
      std::abort();
    (void)weights.Read(name, at::kFloat);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb::lm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto gguf = ParseGguf(nullptr, bytes, "fuzz.gguf")) {
    ReadEverything(gguf->weights, bytes);
    if (auto tokenizer = BpeFromGguf(*gguf))
      (void)(*tokenizer)->Encode("a b", {.special = true, .add_bos_eos = true});
  }
  if (auto weights = Weights::Parse(nullptr, bytes, "fuzz.safetensors"))
    ReadEverything(*weights, bytes);
  return 0;
}

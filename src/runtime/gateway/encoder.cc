#include "runtime/gateway/encoder.h"

namespace plumb::gateway {

Encoder::Encoder(boost::asio::any_io_executor executor, const fs::path& folder, const guard::EncoderIdentity& identity,
                 provider::LmOptions options)
    : heads_(identity.heads),
      model_(identity.base + "+" + fs::absolute(folder / "encoder").string()),
      encoder_(std::move(executor), model_, std::move(options)) {}

Result<std::vector<std::vector<float>>> Encoder::Classify(const std::vector<std::string>& texts) {
  return encoder_.Classify(texts);
}

}  // namespace plumb::gateway

#include "runtime/gateway/encoder.h"

#include "base/net/io_thread.h"

namespace plumb::gateway {
namespace {

// Owns the thread and the encoder that lives on it.
class OwnThreadEncoder final : public guard::Classifier {
 public:
  OwnThreadEncoder(const fs::path& folder, const guard::EncoderIdentity& identity, provider::LmOptions options)
      : encoder_(std::make_unique<Encoder>(thread_.executor(), folder, identity, std::move(options))) {}
  ~OwnThreadEncoder() override {
    net::Wait(thread_.executor(), [](std::unique_ptr<Encoder>* encoder) -> net::asio::awaitable<void> {
      encoder->reset();
      co_return;
    }(&encoder_));
  }
  const std::vector<std::string>& heads() const override { return encoder_->heads(); }
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) override {
    return encoder_->Classify(texts);
  }

 private:
  net::IoThread thread_;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace

Encoder::Encoder(boost::asio::any_io_executor executor, const fs::path& folder, const guard::EncoderIdentity& identity,
                 provider::LmOptions options)
    : heads_(identity.heads),
      model_(identity.base + "+" + fs::absolute(folder / "encoder").string()),
      encoder_(std::move(executor), model_, std::move(options)) {}

Result<std::vector<std::vector<float>>> Encoder::Classify(const std::vector<std::string>& texts) {
  return encoder_.Classify(texts);
}

Result<std::unique_ptr<guard::Classifier>> OpenEncoder(const fs::path& guard_folder, provider::LmOptions options) {
  PLUMB_TRY(const guard::GuardRecord record, guard::LoadRecord(guard_folder));
  if (!record.encoder) return FailAt(guard_folder.string(), Code::kNotFound, "this guard has no encoder");
  return std::make_unique<OwnThreadEncoder>(guard_folder, *record.encoder, std::move(options));
}

}  // namespace plumb::gateway

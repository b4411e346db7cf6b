// The guard's encoder, running in a plumb-lm of its own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "runtime/guard/guard.h"
#include "runtime/guard/record.h"
#include "runtime/provider/local.h"

namespace plumb::gateway {

class Encoder : public guard::Classifier {
 public:
  // `folder` is the guard's; its record must name an encoder. Starts nothing yet. The executor's thread must not be the
  // one that calls Classify.
  Encoder(boost::asio::any_io_executor executor, const fs::path& folder, const guard::EncoderIdentity& identity,
          provider::LmOptions options);

  const std::vector<std::string>& heads() const override { return heads_; }
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) override;
  provider::LmProcess& process() { return encoder_.process(); }
  const std::string& model() const { return model_; }

 private:
  std::vector<std::string> heads_;
  std::string model_;
  provider::LocalEncoder encoder_;
};

// The same with a thread of its own, for programs that are no server. Error: kNotFound (the record names no encoder).
Result<std::unique_ptr<guard::Classifier>> OpenEncoder(const fs::path& guard_folder, provider::LmOptions options);

}  // namespace plumb::gateway

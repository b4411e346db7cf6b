// The guard's encoder on the gateway's own thread, with its process in view (guard/encoder.h is the one for programs
// that are no server).
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

}  // namespace plumb::gateway

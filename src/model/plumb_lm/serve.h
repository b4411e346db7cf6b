// plumb-lm serve: docs/lm-protocol.md over a Unix socket.
#pragma once

#include "model/plumb_lm/models.h"

namespace plumb::lm {

struct ServeSettings {
  std::string socket;
  std::string model;
  LoadSettings load;
  std::string version;
  int64_t threads = 0;
  std::function<void(const std::string&)> ready;  // called once, with the line to print, when it listens
};

// Loads the model, listens, and returns after SIGTERM or SIGINT. Errors: kConflict (the socket is in use), kPermission,
// and those of loading.
Status Serve(const ServeSettings& settings);

}  // namespace plumb::lm

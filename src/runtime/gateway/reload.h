// A new policy, guard or configuration, put in force between two requests. Private to this room; Gateway::Reload is the
// way in.
#pragma once

#include <string>

#include "runtime/gateway/service.h"

namespace plumb::gateway {

// On the gateway's thread; returns once the new snapshot is in force, or refused (the old one stays). `load` runs on
// another thread. Each is an entry of kind "reload" in the ledger, with old and new hashes; one that cannot be recorded
// is refused. Errors: what the files say; kConflict (another is under way); kIo (the ledger).
asio::awaitable<Status> Reload(Service& service, std::string by, ForceLoader load);

}  // namespace plumb::gateway

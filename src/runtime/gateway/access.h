// Who calls, and whether they may. Private to this room.
#pragma once

#include "base/net/http.h"
#include "runtime/gateway/limits.h"
#include "runtime/gateway/service.h"

namespace plumb::gateway {

// What a request asks to do, by its method and path. The order is that of the table in access.cc, first fit.
Right RightFor(const net::Request& request);

// Whether the caller's key may ask for this model. Error: kNotFound, as for a model that is not there.
Status MayAsk(const Caller& caller, std::string_view model);

// Whose budgets a request of this caller spends: the key's and its team's.
std::vector<Account> AccountsOf(const InForce& force, const Caller& caller);

// A place in the caller's budgets, where there are any; what is left of them goes into `headers`. Error: kExhausted,
// kUnavailable. In turn_limits.cc.
asio::awaitable<std::expected<Admission, Error>> AdmitCaller(Service& service, const InForce& force, const Caller& caller, Estimate estimate,
                                                            net::Headers& headers);

// /metrics: without a key only from this machine, or where there are no keys. Error: kPermission.
Status AuthoriseMetrics(const Service& service, const net::Request& request);

// 401 for who is not known, 403 for who is known and may not; else what HttpStatus says of the code.
int AccessStatus(const Error& error);
// The error with that status, in OpenAI's form.
asio::awaitable<void> SendError(net::ResponseWriter& out, const Error& error);

}  // namespace plumb::gateway

#include "runtime/gateway/turn_doubt.h"

namespace plumb::gateway {

void HandOnDoubtful(Turn& turn) {
  const ModelRoute& asked = *turn.answerer.route;
  if (asked.in_doubt.empty() || !turn.enforce || !turn.answers) return;
  // What was not judged is in doubt.
  const bool doubtful = !turn.exchange.input || turn.exchange.input->failed || turn.exchange.input->unsafe >= asked.in_doubt_from;
  if (!doubtful) return;
  auto careful = FindAnswerer(*turn.force, asked.in_doubt);
  if (!careful) return;  // cannot be: checked when the configuration came into force
  turn.answerer = std::move(*careful);
  turn.call.request.model = turn.answerer.model;
  turn.exchange.target = turn.answerer.target;
  turn.exchange.provider = turn.answerer.provider->name();
  turn.exchange.in_doubt = true;
}

}  // namespace plumb::gateway

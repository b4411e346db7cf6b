// Surroundings that keep a job's events, and can stop it at a step.
#pragma once

#include <atomic>
#include <vector>

#include "model/train/loop.h"

namespace plumb::train {

struct Recorded {
  std::vector<json::object> events;
  std::atomic<bool> stop{false};
  double now = 0, per_event = 0;  // the clock goes on by this much at every "progress"

  // `stop_at`: the step after which a signal comes; −1: none. Borrows this.
  Surroundings World(int64_t stop_at = -1) {
    return {.emit =
                [this, stop_at](const json::object& event) {
                  events.push_back(event);
                  if (event.at("event") != "progress") return;
                  now += per_event;
                  if (event.at("step").to_number<int64_t>() == stop_at) stop = true;
                },
            .seconds = [this] { return now; },
            .stop = &stop};
  }
};

}  // namespace plumb::train

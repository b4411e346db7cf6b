// What routing asks of a request's body, without building it: for requests that are passed on as they are. Private to
// this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace plumb::gateway {

// Views into the body.
struct Glance {
  std::string_view model;  // its characters, between the quotes
  bool stream = false;
};

// The whole body is checked: JSON, UTF-8, an object, no deeper than ParseJson allows. Nothing where it is not, or where
// two readers could understand it differently: "model" is missing, doubled, escaped or no text, "stream" is doubled or no
// truth value.
std::optional<Glance> GlanceAt(std::string_view body);

// `body` with another model in it.
std::string WithModel(std::string_view body, const Glance& seen, std::string_view model);

}  // namespace plumb::gateway

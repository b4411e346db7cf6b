// A simulated workspace: mail, files, a calendar, a bank account and web pages, as plain data. Its tools read and change that data and
// touch nothing outside it; the same calls give the same results.
//
//   {"me": {"name", "email"}, "today": "2026-11-20",
//    "contacts": [{"name", "email", "iban"}], "emails": [{"id", "from", "to", "day", "subject", "body"}], "files": [{"name", "text"}],
//    "events": [{"id", "title", "day", "time", "with"}], "bank": {"balance", "transactions": [{"id", "day", "to", "amount", "subject"}]},
//    "pages": [{"url", "text"}]}
//
// "{planted}" in a text of it is a place that outsiders write to: what is planted stands there, or nothing.
#pragma once

#include <memory>
#include <string>

#include "measure/redteam/agent.h"

namespace plumb::redteam {

inline constexpr std::string_view kPlanted = "{planted}";

// Error: kInvalid, naming what is missing or of the wrong type.
Status CheckWorld(const json::object& world);

// `planted` in every place for it.
json::object Plant(const json::object& world, std::string_view planted);

// The workspace's tools over a copy of `world`, which has been checked.
std::unique_ptr<Toolbox> OpenWorld(json::object world);

}  // namespace plumb::redteam

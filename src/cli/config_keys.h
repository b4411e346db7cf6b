// The parts of plumb.yaml that say who may call, and how much; and the file that `plumb keys` writes.
//
//   keys:
//     - {name: app, sha256: 0f…, team: shop, models: [gpt-*], routes: [/v1/chat/completions],
//        limits: {requests_per_second: 5, tokens_per_minute: 90000, concurrent: 8}, budget: {money: 50, per: month}}
//     - name: being-rotated
//       hashes: [{sha256: 1a…}, {sha256: 2b…, expires: 2026-12-01T00:00:00Z}]
//   keys_file: keys.yaml          # a list of keys in the same form
//   teams: {shop: {budget: [{tokens: 5000000, per: day}, {money: 900, per: month}]}}
#pragma once

#include "cli/config_reader.h"
#include "runtime/gateway/keys.h"

namespace plumb::cli {

// A list of keys, under `keys` or as the whole of a keys file.
void ReadKeys(const Node& node, Reader& reader, std::vector<gateway::Key>& keys);
void ReadTeams(const Node& node, Reader& reader, std::vector<gateway::Team>& teams);
// The keys in `file`; nothing where it is not there yet. What is wrong with it goes to `problems`, as everywhere.
std::vector<gateway::Key> ReadKeysFile(const fs::path& file, Problems& problems);
// Names and secrets that stand twice, teams that do not exist.
void CheckKeys(const Node& root, Reader& reader, const std::vector<gateway::Key>& keys, const std::vector<gateway::Team>& teams);

// The keys as a keys file holds them.
std::string KeysText(const std::vector<gateway::Key>& keys);

}  // namespace plumb::cli

// plumb keys: make, list and revoke keys in the file that plumb.yaml's `keys_file` names. Only hashes are kept.
#include <algorithm>
#include <cstdio>

#include "cli/config.h"
#include "cli/config_keys.h"
#include "cli/verbs.h"

namespace plumb::cli {
namespace {

using gateway::Key;
using gateway::KeyHash;

struct KeyFlags {
  std::string name, role, team, expires, retire, hash;
  std::vector<std::string> models, routes;
};

// The keys file, as it is and as it shall be.
struct KeysFile {
  fs::path path;
  std::vector<Key> keys;

  Key* Find(const std::string& name) {
    const auto found = std::ranges::find(keys, name, &Key::name);
    return found == keys.end() ? nullptr : &*found;
  }
};

Result<KeysFile> OpenKeys(const Globals& globals) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  if (config.keys_file.empty()) {
    return FailAt(globals.config, Code::kInvalid, "there is no keys_file; add the line 'keys_file: keys.yaml'");
  }
  Problems problems;
  KeysFile file{config.keys_file, ReadKeysFile(config.keys_file, problems)};
  if (!problems.empty()) return FailAt(problems[0].where, Code::kInvalid, "{}", problems[0].message);
  return file;
}

Result<std::optional<Time>> After(const std::string& duration, Time now) {
  if (duration.empty()) return std::optional<Time>();
  PLUMB_TRY(const std::chrono::seconds seconds, ParseDuration(duration));
  return std::optional<Time>(now + seconds);
}

std::string StateOf(const KeyHash& hash, Time now) {
  if (!hash.expires) return "valid";
  return (now >= *hash.expires ? "expired " : "until ") + FormatTime(*hash.expires);
}

// A name that is there gets one more secret; --retire says for how long the old ones go on.
Status MakeKey(const KeyFlags& flags, Globals& globals) {
  PLUMB_TRY(KeysFile file, OpenKeys(globals));
  const Time now = SystemClock()();
  PLUMB_TRY(const std::optional<Time> expires, After(flags.expires, now));
  PLUMB_TRY(const std::optional<Time> retire, After(flags.retire, now));
  Key* key = file.Find(flags.name);
  if (!key) key = &file.keys.emplace_back(Key{.name = flags.name});
  if (retire) {
    for (KeyHash& hash : key->hashes) hash.expires = std::min(hash.expires.value_or(*retire), *retire);
  }
  const std::string secret = gateway::NewKey();
  key->hashes.insert(key->hashes.begin(), KeyHash{gateway::HashKey(secret), expires});
  if (!flags.role.empty()) key->role = flags.role;
  if (!flags.team.empty()) key->team = flags.team;
  if (!flags.models.empty()) key->models = flags.models;
  if (!flags.routes.empty()) key->routes = flags.routes;
  PLUMB_CHECK(WriteFileAtomic(file.path, KeysText(file.keys)));
  if (globals.json) {
    const json::value out = {{"name", key->name}, {"role", key->role}, {"key", secret}, {"file", file.path.string()}};
    std::puts(ToJson(out).c_str());
  } else {
    std::puts(secret.c_str());
    fmt::print(stderr, "plumb: this key of '{}' is shown once; {} keeps its hash\n", key->name, file.path.string());
  }
  return {};
}

Status ListKeys(Globals& globals) {
  PLUMB_TRY(const KeysFile file, OpenKeys(globals));
  const Time now = SystemClock()();
  json::array rows;
  for (const Key& key : file.keys) {
    for (const KeyHash& hash : key.hashes) {
      rows.push_back({{"name", key.name}, {"role", key.role}, {"team", key.team}, {"hash", hash.sha256.substr(0, 12)}, {"state", StateOf(hash, now)}});
      if (!globals.json) fmt::print("{:24} {:14} {:16} {}  {}\n", key.name, key.role, key.team, hash.sha256.substr(0, 12), StateOf(hash, now));
    }
  }
  if (globals.json) std::puts(ToJson(json::object{{"keys", std::move(rows)}}).c_str());
  return {};
}

Status RevokeKey(const KeyFlags& flags, Globals& globals) {
  PLUMB_TRY(KeysFile file, OpenKeys(globals));
  Key* key = file.Find(flags.name);
  if (!key) {
    std::vector<std::string> names;
    for (const Key& known : file.keys) names.push_back(known.name);
    return FailAt(file.path.string(), Code::kNotFound, "no key '{}'{}", flags.name, DidYouMean(flags.name, names));
  }
  const size_t gone = std::erase_if(key->hashes, [&](const KeyHash& hash) { return hash.sha256.starts_with(Lower(flags.hash)); });
  if (gone == 0) return FailAt(file.path.string(), Code::kNotFound, "no hash of '{}' begins with {}", flags.name, flags.hash);
  if (key->hashes.empty()) std::erase_if(file.keys, [&](const Key& known) { return known.name == flags.name; });
  PLUMB_CHECK(WriteFileAtomic(file.path, KeysText(file.keys)));
  if (globals.json) std::puts(ToJson(json::object{{"name", flags.name}, {"revoked", gone}}).c_str());
  else fmt::print("{} of '{}' revoked\n", gone == 1 ? "1 key" : fmt::format("{} keys", gone), flags.name);
  return {};
}

}  // namespace

void RegisterKeys(CLI::App& app, Globals& globals) {
  auto* keys = app.add_subcommand("keys", "Make, list and revoke keys of applications and people");
  keys->require_subcommand(1);
  auto flags = std::make_shared<KeyFlags>();
  const auto run = [&globals](Status done) {
    if (!done) Report(done.error(), globals);
  };
  auto* make = keys->add_subcommand("new", "A new key, or one more secret for a name that is there");
  AddGlobals(*make, globals);
  make->add_option("name", flags->name, "Whose")->required();
  make->add_option("--role", flags->role, "application, reviewer, operator, auditor or administrator")
      ->check(CLI::IsMember({"application", "reviewer", "operator", "auditor", "administrator"}));
  make->add_option("--team", flags->team, "A team of plumb.yaml");
  make->add_option("--models", flags->models, "Models it may ask for")->delimiter(',');
  make->add_option("--routes", flags->routes, "Paths it may call")->delimiter(',');
  make->add_option("--expires", flags->expires, "For how long it is good: 90d");
  make->add_option("--retire", flags->retire, "For how long older secrets of this name go on: 7d");
  make->callback([=, &globals] { run(MakeKey(*flags, globals)); });
  auto* list = keys->add_subcommand("list", "Names, roles, beginnings of hashes");
  AddGlobals(*list, globals);
  list->callback([=, &globals] { run(ListKeys(globals)); });
  auto* revoke = keys->add_subcommand("revoke", "Take all secrets of a name away, or one");
  AddGlobals(*revoke, globals);
  revoke->add_option("name", flags->name, "Whose")->required();
  revoke->add_option("--hash", flags->hash, "Only those whose SHA-256 begins so");
  revoke->callback([=, &globals] { run(RevokeKey(*flags, globals)); });
}

}  // namespace plumb::cli

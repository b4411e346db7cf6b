#include "cli/config_keys.h"

#include <set>

namespace plumb::cli {
namespace {

using gateway::Budget;
using gateway::Key;
using gateway::LimitSet;
using gateway::Period;
using gateway::Unit;

constexpr int64_t kMost = int64_t{1} << 50;

gateway::KeyHash ReadHash(const Node& node, const Node* hash, const Node* expires, Reader& reader) {
  gateway::KeyHash out;
  out.sha256 = hash ? Lower(reader.Text(*hash, "sha256")) : "";
  if (auto bytes = HexDecode(out.sha256); !bytes || bytes->size() != 32) {
    reader.Wrong(hash ? *hash : node, "a key needs sha256: the 64 hexadecimal digits of the key's SHA-256");
  }
  if (expires) {
    auto time = ParseTime(reader.Text(*expires, "expires"));
    if (time) out.expires = *time;
    else reader.Wrong(*expires, "expires: {}", time.error().message);
  }
  return out;
}

void ReadRates(const Node& node, Reader& reader, LimitSet& limits) {
  if (!reader.Map(node, "limits", {"requests_per_second", "requests_per_minute", "tokens_per_minute", "concurrent"})) return;
  if (const Node* n = node.Find("requests_per_second")) limits.requests_per_second = reader.Number(*n, "requests_per_second", 0.001, 1e6);
  if (const Node* n = node.Find("requests_per_minute")) limits.requests_per_minute = reader.Whole(*n, "requests_per_minute", 1, 10'000'000);
  if (const Node* n = node.Find("tokens_per_minute")) limits.tokens_per_minute = reader.Whole(*n, "tokens_per_minute", 1, 10'000'000);
  if (const Node* n = node.Find("concurrent")) limits.concurrent = static_cast<int>(reader.Whole(*n, "concurrent", 1, 1'000'000));
}

// {money: 50, tokens: 100000, requests: 1000, per: month}
void ReadBudget(const Node& node, Reader& reader, LimitSet& limits) {
  if (!reader.Map(node, "a budget", {"money", "tokens", "requests", "per"})) return;
  Period per = Period::kMonth;
  if (const Node* n = node.Find("per")) {
    const std::string name = reader.OneOf(*n, "per", {"minute", "hour", "day", "month"});
    for (Period p : {Period::kMinute, Period::kHour, Period::kDay, Period::kMonth}) {
      if (gateway::PeriodName(p) == name) per = p;
    }
  } else {
    reader.Wrong(node, "a budget needs per: minute, hour, day or month");
  }
  const size_t before = limits.budgets.size();
  if (const Node* n = node.Find("money")) limits.budgets.push_back({Unit::kMoney, gateway::ToMillionths(reader.Number(*n, "money", 0, 1e9)), per});
  if (const Node* n = node.Find("tokens")) limits.budgets.push_back({Unit::kTokens, reader.Whole(*n, "tokens", 0, kMost), per});
  if (const Node* n = node.Find("requests")) limits.budgets.push_back({Unit::kRequests, reader.Whole(*n, "requests", 0, kMost), per});
  if (limits.budgets.size() == before) reader.Wrong(node, "a budget needs money, tokens or requests");
}

void ReadLimits(const Node& owner, Reader& reader, LimitSet& limits) {
  if (const Node* rates = owner.Find("limits")) ReadRates(*rates, reader, limits);
  const Node* budget = owner.Find("budget");
  if (budget && budget->kind == Node::kList) {
    for (const Node& item : budget->items) ReadBudget(item, reader, limits);
  } else if (budget) {
    ReadBudget(*budget, reader, limits);
  }
}

Key ReadKey(const Node& node, Reader& reader) {
  Key key;
  if (!reader.Map(node, "a key", {"name", "sha256", "expires", "hashes", "role", "team", "models", "routes", "limits", "budget"})) return key;
  if (const Node* name = node.Find("name")) key.name = reader.Text(*name, "name");
  if (key.name.empty()) reader.Wrong(node, "a key needs a name");
  if (const Node* hashes = node.Find("hashes")) {
    if (node.Find("sha256")) reader.Wrong(*hashes, "a key has either sha256 or hashes");
    if (hashes->kind != Node::kList || hashes->items.empty()) reader.Wrong(*hashes, "hashes must be a list of {{sha256, expires}}");
    for (const Node& item : hashes->items) {
      if (reader.Map(item, "a hash", {"sha256", "expires"})) key.hashes.push_back(ReadHash(item, item.Find("sha256"), item.Find("expires"), reader));
    }
  } else {
    key.hashes.push_back(ReadHash(node, node.Find("sha256"), node.Find("expires"), reader));
  }
  if (const Node* role = node.Find("role")) {
    key.role = reader.OneOf(*role, "role", {"application", "reviewer", "operator", "auditor", "administrator"});
  }
  if (const Node* team = node.Find("team")) key.team = reader.Text(*team, "team");
  if (const Node* models = node.Find("models")) key.models = reader.Texts(*models, "models");
  if (const Node* routes = node.Find("routes")) {
    key.routes = reader.Texts(*routes, "routes");
    for (const std::string& route : key.routes) {
      if (!route.starts_with('/') && !route.starts_with('*')) reader.Wrong(*routes, "'{}' in routes must be a path such as /v1/chat/completions", route);
    }
  }
  ReadLimits(node, reader, key.limits);
  return key;
}

std::string Quoted(const std::string& text) { return ToJson(json::value(text)); }

std::string List(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(Quoted(text));
  return "[" + Join(quoted, ", ") + "]";
}

std::string HashText(const gateway::KeyHash& hash) {
  std::string text = "{sha256: " + Quoted(hash.sha256);
  if (hash.expires) text += ", expires: " + Quoted(FormatTime(*hash.expires));
  return text + "}";
}

std::string LimitsText(const LimitSet& limits) {
  std::string out;
  std::vector<std::string> rates;
  if (limits.requests_per_second > 0) rates.push_back(fmt::format("requests_per_second: {}", limits.requests_per_second));
  if (limits.requests_per_minute > 0) rates.push_back(fmt::format("requests_per_minute: {}", limits.requests_per_minute));
  if (limits.tokens_per_minute > 0) rates.push_back(fmt::format("tokens_per_minute: {}", limits.tokens_per_minute));
  if (limits.concurrent > 0) rates.push_back(fmt::format("concurrent: {}", limits.concurrent));
  if (!rates.empty()) out += "  limits: {" + Join(rates, ", ") + "}\n";
  if (limits.budgets.empty()) return out;
  out += "  budget:\n";
  for (const Budget& budget : limits.budgets) {
    const std::string amount = budget.unit == Unit::kMoney ? fmt::format("{}", static_cast<double>(budget.amount) / 1e6)
                                                           : fmt::format("{}", budget.amount);
    out += fmt::format("    - {{{}: {}, per: {}}}\n", gateway::UnitName(budget.unit), amount, gateway::PeriodName(budget.per));
  }
  return out;
}

}  // namespace

void ReadKeys(const Node& node, Reader& reader, std::vector<Key>& keys) {
  if (node.kind != Node::kList) return reader.Wrong(node, "keys must be a list of {{name, sha256}}");
  for (const Node& item : node.items) keys.push_back(ReadKey(item, reader));
}

void ReadTeams(const Node& node, Reader& reader, std::vector<gateway::Team>& teams) {
  if (node.kind != Node::kMap) return reader.Wrong(node, "teams must be a map of names to {{limits, budget}}");
  for (const policy::Entry& entry : node.entries) {
    gateway::Team team;
    team.name = entry.key;
    if (reader.Map(entry.value, fmt::format("team '{}'", entry.key), {"limits", "budget"})) ReadLimits(entry.value, reader, team.limits);
    teams.push_back(std::move(team));
  }
}

std::vector<Key> ReadKeysFile(const fs::path& file, Problems& problems) {
  std::vector<Key> keys;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return keys;
  auto text = ReadFile(file);
  if (!text) {
    problems.push_back({file.string(), text.error().message});
    return keys;
  }
  const Node root = policy::ParseYaml(*text, file.string(), problems).value_or(Node());
  const fs::path folder = file.parent_path();
  Reader reader(folder, problems);
  if (root.kind != Node::kNull) ReadKeys(root, reader, keys);
  return keys;
}

void CheckKeys(const Node& root, Reader& reader, const std::vector<Key>& keys, const std::vector<gateway::Team>& teams) {
  std::set<std::string> names, hashes, known;
  for (const gateway::Team& team : teams) known.insert(team.name);
  const Node* at = root.Find("keys") ? root.Find("keys") : root.Find("keys_file");
  for (const Key& key : keys) {
    if (!key.name.empty() && !names.insert(key.name).second) {
      reader.Wrong(*at, "two keys are called '{}'; a key being rotated has one name and several hashes", key.name);
    }
    for (const gateway::KeyHash& hash : key.hashes) {
      if (!hash.sha256.empty() && !hashes.insert(hash.sha256).second) reader.Wrong(*at, "the same sha256 stands twice, the second time for '{}'", key.name);
    }
    if (!key.team.empty() && !known.contains(key.team)) {
      const std::vector<std::string> list(known.begin(), known.end());
      reader.Wrong(*at, "key '{}': no team '{}'{} (known: {})", key.name, key.team, DidYouMean(key.team, list), Join(list, ", "));
    }
  }
}

std::string KeysText(const std::vector<Key>& keys) {
  std::string out = "# Written by `plumb keys`. Only hashes stand here; the keys themselves were shown once.\n";
  if (keys.empty()) out += "[]\n";
  for (const Key& key : keys) {
    out += fmt::format("- name: {}\n  role: {}\n  hashes:\n", Quoted(key.name), key.role);
    for (const gateway::KeyHash& hash : key.hashes) out += "    - " + HashText(hash) + "\n";
    if (!key.team.empty()) out += "  team: " + Quoted(key.team) + "\n";
    if (!key.models.empty()) out += "  models: " + List(key.models) + "\n";
    if (!key.routes.empty()) out += "  routes: " + List(key.routes) + "\n";
    out += LimitsText(key.limits);
  }
  return out;
}

}  // namespace plumb::cli

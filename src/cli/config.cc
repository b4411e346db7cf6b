#include "cli/config.h"

#include <set>

#include "cli/config_judge.h"
#include "cli/config_keys.h"
#include "cli/config_listen.h"
#include "cli/config_models.h"
#include "cli/config_redteam.h"
#include "cli/config_telemetry.h"
#include "cli/config_reader.h"

namespace plumb::cli {
namespace {

void ReadLm(const Node& node, Reader& reader, Config& config) {
  if (!reader.Map(node, "lm", {"encoder", "deadline_s", "program", "arguments", "start_limit_s"})) return;
  if (const Node* encoder = node.Find("encoder")) config.encoder = reader.Switch(*encoder, "lm.encoder");
  if (const Node* deadline = node.Find("deadline_s")) {
    config.check_deadline = std::chrono::milliseconds(static_cast<int64_t>(1000 * reader.Number(*deadline, "lm.deadline_s", 0.05, 600)));
  }
  if (const Node* program = node.Find("program")) config.lm.program = reader.Path(*program, "lm.program");
  if (const Node* limit = node.Find("start_limit_s")) {
    config.lm.start_limit = std::chrono::seconds(reader.Whole(*limit, "lm.start_limit_s", 1, 3600));
  }
  if (const Node* arguments = node.Find("arguments")) {
    if (arguments->kind != Node::kList) reader.Wrong(*arguments, "lm.arguments must be a list of texts");
    for (const Node& item : arguments->items) config.lm.arguments.push_back(reader.Text(item, "an argument"));
  }
}

void ReadPaging(const Node& node, Reader& reader, Config& config) {
  if (node.kind != Node::kMap) return reader.Wrong(node, "paging must be a map of names to {{webhook: URL}}");
  for (const policy::Entry& entry : node.entries) {
    if (!reader.Map(entry.value, fmt::format("paging.{}", entry.key), {"webhook"})) continue;
    const Node* webhook = entry.value.Find("webhook");
    if (!webhook) {
      reader.Wrong(entry.value, "paging.{} needs a webhook", entry.key);
      continue;
    }
    const std::string url = reader.Text(*webhook, "webhook");
    if (auto parsed = net::ParseUrl(url); !parsed) reader.Wrong(*webhook, "{}", parsed.error().message);
    config.paging[entry.key] = url;
  }
}

void ReadCallers(const Node& root, Reader& reader, Problems& problems, Config& config) {
  if (const Node* list = root.Find("keys")) ReadKeys(*list, reader, config.keys);
  if (const Node* teams = root.Find("teams")) ReadTeams(*teams, reader, config.teams);
  if (const Node* budgets = root.Find("budgets")) config.limits = reader.Path(*budgets, "budgets");
  if (const Node* file = root.Find("keys_file")) {
    config.keys_file = reader.Path(*file, "keys_file");
    for (gateway::Key& key : ReadKeysFile(config.keys_file, problems)) config.keys.push_back(std::move(key));
  }
  if (!config.keys.empty()) CheckKeys(root, reader, config.keys, config.teams);
}

}  // namespace

Result<Config> ParseConfig(std::string_view text, const std::string& name, const fs::path& folder) {
  Problems problems;
  const Node root = policy::ParseYaml(text, name, problems).value_or(Node());
  Config config;
  config.folder = folder;
  config.ledger = folder / "ledger.db";
  Reader reader(folder, problems);
  const std::vector<std::string> keys = {"listen", "providers", "models", "prices", "ledger", "guard", "judge", "keys", "keys_file", "teams", "budgets", "tls", "cors", "http", "lm", "telemetry", "log", "paging", "redteam", "reload", "reports"};
  if (root.kind != Node::kNull && reader.Map(root, "plumb.yaml", keys)) {
    if (const Node* listen = root.Find("listen")) {
      auto address = net::ParseAddress(reader.Text(*listen, "listen"));
      if (address) config.listen = *address;
      else reader.Wrong(*listen, "{}", address.error().message);
    }
    if (const Node* providers = root.Find("providers")) ReadProviders(*providers, reader, config.providers);
    if (const Node* models = root.Find("models")) ReadModels(*models, reader, config.providers, config.models);
    if (const Node* prices = root.Find("prices")) ReadPrices(*prices, reader, config.prices);
    if (const Node* ledger = root.Find("ledger")) config.ledger = reader.Path(*ledger, "ledger");
    if (const Node* guard = root.Find("guard")) {
      config.guard = guard->kind == Node::kScalar && guard->text == "off" ? fs::path() : reader.Path(*guard, "guard");
    }
    if (const Node* judge = root.Find("judge")) ReadJudge(*judge, reader, config.judge);
    ReadCallers(root, reader, problems, config);
    if (const Node* tls = root.Find("tls")) ReadTls(*tls, reader, config.server);
    if (const Node* cors = root.Find("cors")) ReadCors(*cors, reader, config.cors);
    if (const Node* http = root.Find("http")) ReadHttp(*http, reader, config.server);
    if (const Node* lm = root.Find("lm")) ReadLm(*lm, reader, config);
    if (const Node* telemetry = root.Find("telemetry")) ReadTelemetry(*telemetry, reader, config.metrics, config.telemetry);
    if (const Node* log = root.Find("log")) ReadLog(*log, reader, config.log);
    if (const Node* reports = root.Find("reports"); reports && reader.Map(*reports, "reports", {"per_hour"})) {
      const Node* most = reports->Find("per_hour");
      config.reports_per_hour = most ? reader.Whole(*most, "reports.per_hour", 0, 10'000) : 5;
    }
    if (const Node* reload = root.Find("reload")) config.reload = reader.Switch(*reload, "reload");
    if (const Node* paging = root.Find("paging")) ReadPaging(*paging, reader, config);
    if (const Node* schedules = root.Find("redteam")) ReadSchedules(*schedules, reader, config.redteam);
  }
  if (problems.empty()) return config;
  std::vector<std::string> lines;
  for (size_t i = 1; i < problems.size(); ++i) lines.push_back("\n" + problems[i].where + ": " + problems[i].message);
  return std::unexpected(Error{Code::kInvalid, problems[0].message + Join(lines, ""), problems[0].where});
}

Result<Config> LoadConfig(const fs::path& file) {
  PLUMB_TRY(const std::string text, ReadFile(file));
  return ParseConfig(text, file.string(), file.parent_path());
}

Result<Config> ConfigOrDefaults(const std::string& file) {
  std::error_code ignored;
  if (file == "plumb.yaml" && !fs::exists(file, ignored)) return ParseConfig("", file, "");
  return LoadConfig(file);
}

provider::OpenOptions OpenOptionsOf(const Config& config) {
  provider::OpenOptions options;
  options.providers = config.providers;
  options.lm = config.lm;
  options.gateway_url = "http://" + config.listen.Text();
  return options;
}

}  // namespace plumb::cli

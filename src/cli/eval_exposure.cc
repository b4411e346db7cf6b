// plumb eval plant|exposure: canaries for training data, and whether a model has memorised them.
#include "cli/eval_exposure.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/config.h"
#include "measure/eval/exposure.h"
#include "measure/eval/model_target.h"

namespace plumb::cli {
namespace {

struct ExposureFlags {
  std::string forms = "suites/privacy/forms.jsonl", out, training, canaries, target;
  std::vector<int64_t> times = {0, 1, 4, 16};
  int64_t count = 24, seed = 0, others = 400, concurrency = 8;
};

// The canaries beside the training rows that hold them; with --training, mixed into a copy of those rows.
Status PlantVerb(const ExposureFlags& flags, Globals& globals) {
  PLUMB_TRY(const std::vector<json::object> forms, ReadJsonl(flags.forms));
  uint64_t seed = static_cast<uint64_t>(flags.seed);
  if (seed == 0) {
    const std::string drawn = RandomBytes(8);
    for (unsigned char byte : drawn) seed = seed << 8 | byte;
  }
  PLUMB_TRY(const auto secrets, eval::DrawSecrets(forms, {.times = flags.times, .count = static_cast<size_t>(flags.count), .seed = seed}));
  std::vector<json::object> rows;
  if (!flags.training.empty()) {
    PLUMB_TRY(rows, ReadJsonl(flags.training));
  }
  const std::vector<json::object> planted = eval::TrainingRows(secrets);
  rows.insert(rows.end(), planted.begin(), planted.end());
  // By hash, so that copies do not stand together and the order is the same every time.
  std::vector<std::pair<std::string, json::object>> order;
  for (size_t i = 0; i < rows.size(); ++i) order.emplace_back(Sha256Hex(fmt::format("{} {} {}", seed, i, ToJson(rows[i]))), std::move(rows[i]));
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  rows.clear();
  for (auto& one : order) rows.push_back(std::move(one.second));
  PLUMB_CHECK(WriteJsonl(fs::path(flags.out) / "canaries.jsonl", eval::PlantedRows(secrets)));
  PLUMB_CHECK(WriteJsonl(fs::path(flags.out) / "training.jsonl", rows));
  const json::object said{{"canaries", secrets.size()}, {"planted_rows", planted.size()}, {"training_rows", rows.size()}, {"out", flags.out}};
  fmt::print("{}\n", globals.json ? ToJson(said) : ToPrettyJson(said));
  return {};
}

// Exits 1 where a planted canary is memorised, 2 where one was not asked.
Status ExposureVerb(const ExposureFlags& flags, Globals& globals) {
  PLUMB_TRY(const auto secrets, eval::ReadPlanted(flags.canaries));
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_TRY(const auto target, eval::OpenTarget(flags.target, OpenOptionsOf(config)));
  PLUMB_TRY(const auto found, eval::MeasureExposure(*target, secrets, {.others = flags.others, .seed = static_cast<uint64_t>(flags.seed), .concurrency = static_cast<int>(flags.concurrency)}));
  if (globals.json) std::puts(ToJson(eval::ExposureJson(found)).c_str());
  else fmt::print("{}\n\n{}", target->name(), eval::ExposureTable(found));
  const bool memorised = std::any_of(found.begin(), found.end(), [](const auto& one) { return one.planted.times > 0 && one.memorised(); });
  const bool unknown = std::any_of(found.begin(), found.end(), [](const auto& one) { return one.not_asked.has_value(); });
  globals.exit_code = memorised ? 1 : unknown ? 2 : 0;
  return {};
}

}  // namespace

void AddExposure(CLI::App& eval, Globals& globals) {
  auto flags = std::make_shared<ExposureFlags>();
  CLI::App* plant = eval.add_subcommand("plant", "Canaries for training data: random secrets, each as often as is to be tried, some never");
  plant->add_option("--out", flags->out, "The folder for canaries.jsonl and training.jsonl")->required();
  plant->add_option("--training", flags->training, "Training rows (messages) to mix them into");
  plant->add_option("--forms", flags->forms, "Forms of secrets")->capture_default_str();
  plant->add_option("--count", flags->count, "Canaries")->capture_default_str()->check(CLI::Range(1, 900));
  plant->add_option("--times", flags->times, "How often each is in the training data, in turn; 0 is a control")->delimiter(',')->capture_default_str()->check(CLI::Range(0, 1000));
  plant->add_option("--seed", flags->seed, "Of the secrets (default: drawn)");
  AddGlobals(*plant, globals);
  plant->callback([flags, &globals] {
    if (Status status = PlantVerb(*flags, globals); !status) Report(status.error(), globals);
  });
  CLI::App* exposure = eval.add_subcommand("exposure", "Which canaries a model says when asked, and their exposure in bits; exits 1 where one is memorised");
  exposure->add_option("--canaries", flags->canaries, "canaries.jsonl of plumb eval plant")->required();
  exposure->add_option("--target", flags->target, "local:MODEL[+ADAPTER], PROVIDER:MODEL, …; exposure needs log-probabilities")->required();
  exposure->add_option("--others", flags->others, "Secrets of the same form that each is ranked among")->capture_default_str()->check(CLI::Range(20, 100000));
  exposure->add_option("--concurrency", flags->concurrency, "Requests in flight")->capture_default_str()->check(CLI::PositiveNumber);
  AddGlobals(*exposure, globals);
  exposure->callback([flags, &globals] {
    if (Status status = ExposureVerb(*flags, globals); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli

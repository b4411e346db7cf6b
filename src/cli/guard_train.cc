// plumb guard train: what makes a guard
#include "cli/guard_train.h"

#include <cstdio>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "runtime/guard/encoder.h"
#include "runtime/guard/train.h"

namespace plumb::cli {
namespace {

struct TrainFlags {
  std::string out;
  std::vector<std::string> data;
  std::string encoder_base = "bge-small";
  std::string encoder_folder, write_rows;
  bool without_encoder = false;
  int epochs = 12;
  double encoder_epochs = 3, max_seconds = 0;
  uint64_t seed = 1;
};

Status TrainGuard(const TrainFlags& flags, Globals& globals) {
  PLUMB_TRY(const policy::Policy policy, policy::LoadPolicy(globals.policy));
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  std::vector<json::object> extra;
  for (const std::string& path : flags.data) {
    PLUMB_TRY(const std::vector<json::object> more, ReadJsonl(path));
    extra.insert(extra.end(), more.begin(), more.end());
  }
  PLUMB_TRY(const guard::TrainingSet set, guard::BuildTrainingSet(policy, extra));
  if (!flags.write_rows.empty()) return guard::WriteEncoderRows(set, flags.write_rows);
  const fs::path folder =
      flags.out.empty() ? fs::path(globals.policy).parent_path() / "guard" : fs::path(flags.out);
  PLUMB_CHECK(MakeFolder(folder));
  guard::TrainOptions options;
  options.linear.epochs = flags.epochs;
  options.linear.seed = flags.seed;
  options.created = FormatTime(SystemClock()());
  std::unique_ptr<guard::Classifier> encoder;
  if (!flags.encoder_folder.empty()) {
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
      PLUMB_TRY(const std::string bytes, ReadFile(fs::path(flags.encoder_folder) / name));
      PLUMB_CHECK(WriteFileAtomic(folder / "encoder" / name, bytes));
    }
    PLUMB_TRY(options.encoder_base, guard::EncoderBase(folder / "encoder"));
  } else if (!flags.without_encoder) {
    options.encoder_base = flags.encoder_base;
  }
  if (!flags.without_encoder) {
    guard::EncoderTraining training;
    training.base = flags.encoder_base;
    training.epochs = flags.encoder_epochs;
    training.seed = flags.seed;
    training.max_seconds = flags.max_seconds;
    training.plumb_lm = config.lm.program;
    if (!globals.json)
      training.on_event = [](const json::object& event) {
        fmt::print(stderr, "{}\n", ToJson(event));
      };
    if (flags.encoder_folder.empty())
      PLUMB_CHECK(guard::TrainEncoder(set, folder / "encoder", training));
    PLUMB_TRY(encoder, guard::OpenEncoder(options.encoder_base, folder / "encoder",
                                          {.lm = {.program = config.lm.program}, .executor = {}}));
    options.encoder = encoder.get();
  } else if (fs::exists(folder / "encoder")) {
    return FailAt((folder / "encoder").string(), Code::kConflict,
                  "is there from an earlier training; remove it, or train with the encoder");
  }
  PLUMB_TRY(const guard::GuardRecord record, guard::TrainGuard(policy, set, folder, options));
  if (globals.json) {
    std::puts(ToJson(guard::RecordJson(record)).c_str());
  } else {
    fmt::print("{}: {} heads from {} texts{}; now run 'plumb guard calibrate --guard {}'\n",
               folder.string(), set.heads.size(), set.rows.size(),
               record.encoder ? ", with the encoder" : "", folder.string());
  }
  return {};
}

}  // namespace

void AddGuardTraining(CLI::App& guard_verb, Globals& globals) {
  auto* train = guard_verb.add_subcommand("train", "Make a guard from the policy's examples");
  auto train_flags = std::make_shared<TrainFlags>();
  AddGlobals(*train, globals);
  train->add_option("--out", train_flags->out,
                    "The folder to write (default: guard/ beside the policy)");
  train->add_option(
      "--data", train_flags->data,
      "More labelled texts (JSONL: text, labels {head: 0|1}, weight; or clause, violates|allows)");
  train->add_option("--encoder", train_flags->encoder_base, "The encoder to fine-tune")
      ->capture_default_str();
  auto* without = train->add_flag("--without-encoder", train_flags->without_encoder,
                                  "Train the linear tier alone");
  train
      ->add_option("--encoder-folder", train_flags->encoder_folder,
                   "An encoder that is trained already (adapter_config.json with heads); only the "
                   "linear tier and the joining weights are trained")
      ->excludes(without);
  train->add_option("--write-rows", train_flags->write_rows,
                    "Write the rows that would teach the encoder to this file, and stop");
  train->add_option("--epochs", train_flags->epochs, "Passes of the linear tier")
      ->capture_default_str();
  train->add_option("--encoder-epochs", train_flags->encoder_epochs, "Passes of the encoder")
      ->capture_default_str();
  train
      ->add_option("--max-seconds", train_flags->max_seconds,
                   "Limit of the encoder's training; 0 is none")
      ->capture_default_str();
  train->add_option("--seed", train_flags->seed, "Of shuffling and of new weights")
      ->capture_default_str();
  train->callback([train_flags, &globals] {
    if (const Status done = TrainGuard(*train_flags, globals); !done) Report(done.error(), globals);
  });
}

}  // namespace plumb::cli

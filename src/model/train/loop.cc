#include "model/train/loop.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "model/train/checkpoint.h"
#include "model/train/random.h"
#include "model/train/tensorboard.h"

namespace plumb::train {
namespace {

// The lines of metrics.jsonl; the file is always whole.
class MetricsFile {
 public:
  explicit MetricsFile(fs::path path) : path_(std::move(path)) {}

  // Keeps what an earlier process wrote up to `step`.
  Status KeepUpTo(int64_t step) {
    auto rows = ReadJsonl(path_);
    if (!rows) return {};  // nothing there, or nothing that can be read: it is written anew
    for (json::object& row : *rows) {
      auto at = GetInt(row, "global_step");
      if (at && *at <= step) rows_.push_back(std::move(row));
    }
    return {};
  }
  Status Add(json::object row) {
    rows_.push_back(std::move(row));
    return WriteJsonl(path_, rows_);
  }

 private:
  fs::path path_;
  std::vector<json::object> rows_;
};

// Sums since the last log line.
struct Window {
  int64_t steps = 0, tokens = 0;
  double loss = 0, grad_norm = 0, seconds = 0;
  struct Metric {
    std::string name;
    double sum = 0;
    int64_t times = 0;  // some are known of the first step of a generation only
  };
  std::vector<Metric> metrics;

  void Add(const BatchReport& report, double norm, double took) {
    ++steps;
    tokens += report.tokens;
    loss += report.loss;
    grad_norm = norm;  // transformers logs the last one
    seconds += took;
    for (const auto& [name, value] : report.metrics) {
      auto same = [&](const Metric& m) { return m.name == name; };
      auto found = std::find_if(metrics.begin(), metrics.end(), same);
      if (found == metrics.end()) {
        metrics.push_back({name, value, 1});
      } else {
        found->sum += value;
        ++found->times;
      }
    }
  }
  json::object Row() const {
    json::object row{{"loss", loss / static_cast<double>(steps)}, {"grad_norm", grad_norm}};
    for (const Metric& m : metrics) row[m.name] = m.sum / static_cast<double>(m.times);
    return row;
  }
};

// Which rows make up which step.
class Batches {
 public:
  Batches(size_t rows, const TrainSettings& s, const StepShape& shape)
      : rows_(rows),
        batch_(static_cast<size_t>(shape.rows > 0 ? shape.rows : s.BatchRows())),
        seed_(static_cast<uint64_t>(s.seed)),
        shuffle_(s.shuffle),
        steps_(shape.steps),
        per_epoch_(static_cast<int64_t>((rows + (shape.whole ? 0 : batch_ - 1)) / batch_)) {}

  // Steps an epoch.
  int64_t per_epoch() const { return per_epoch_ * steps_; }
  // The step is the first that its rows feed.
  bool Begins(int64_t step) const { return step % steps_ == 0; }
  std::vector<uint32_t> Of(int64_t step) {
    step /= steps_;
    const int64_t epoch = step / per_epoch_;
    if (epoch != epoch_) {
      order_ = Permutation(static_cast<uint32_t>(rows_), seed_, static_cast<uint64_t>(epoch));
      if (!shuffle_)
        for (uint32_t i = 0; i < rows_; ++i) order_[i] = i;
      epoch_ = epoch;
    }
    const size_t begin = static_cast<size_t>(step % per_epoch_) * batch_,
                 end = std::min(begin + batch_, rows_);
    return {order_.begin() + static_cast<long>(begin), order_.begin() + static_cast<long>(end)};
  }
  std::vector<uint32_t> Visited(int64_t steps) {
    std::vector<uint32_t> all;
    for (int64_t i = 0; i < std::min(steps, per_epoch()); i += steps_)
      for (uint32_t row : Of(i)) all.push_back(row);
    return all;
  }

 private:
  size_t rows_, batch_;
  uint64_t seed_;
  bool shuffle_;
  int64_t steps_, per_epoch_, epoch_ = -1;  // per_epoch_: batches
  std::vector<uint32_t> order_;
};

// The parameters at which the last loss that was a number was found. A loss that is not one may
// come of its batch or of the step before it: these are good in either case.
class LastGood {
 public:
  void Keep(const Parameters& parameters) {
    for (size_t i = 0; i < 3; ++i) {
      const at::Tensor& from = Of(parameters, i);
      if (kept_[i].defined())
        kept_[i].copy_(from);
      else
        kept_[i] = from.clone();
    }
  }
  bool Restore(Parameters& parameters) const {
    if (!kept_[0].defined()) return false;
    for (size_t i = 0; i < 3; ++i) at::Tensor(Of(parameters, i)).copy_(kept_[i]);
    return true;
  }

 private:
  static const at::Tensor& Of(const Parameters& p, size_t i) {
    return i == 0 ? p.flat() : i == 1 ? p.exp_avg() : p.exp_avg_sq();
  }
  at::Tensor kept_[3];
};

// "rows.jsonl:3, rows.jsonl:9 and 6 more", at most eight; empty where rows have no places.
std::string Places(const Objective& objective, const std::vector<uint32_t>& rows) {
  std::vector<std::string> named;
  for (uint32_t row : rows)
    if (std::string where = objective.Where(row); !where.empty() && named.size() < 8)
      named.push_back(std::move(where));
  if (named.empty()) return {};
  const size_t more = rows.size() - named.size();
  return fmt::format(", on the batch of {}{}", Join(named, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

double WarmupFraction(const TrainSettings& s, int64_t total) {
  double steps = s.warmup_steps;
  if (steps > 0 && steps < 1) steps = std::ceil(steps * static_cast<double>(total));
  if (steps == 0) steps = std::ceil(s.warmup_ratio * static_cast<double>(total));
  return total > 0 ? steps / static_cast<double>(total) : 0;
}

}  // namespace

Result<LoopResult> RunLoop(const TrainSettings& s, const json::object& fixed, Objective& objective,
                           Parameters& parameters, const Surroundings& world) {
  const fs::path out = s.out;
  PLUMB_CHECK(MakeFolder(out));
  Batches batches(objective.rows(), s, objective.Shape());
  if (batches.per_epoch() == 0)
    return Fail(Code::kInvalid, "{} rows are fewer than the {} that one generation takes",
                objective.rows(), objective.Shape().rows);
  const int64_t total =
      s.max_steps > 0 ? s.max_steps
                      : std::max<int64_t>(
                            1, static_cast<int64_t>(std::ceil(
                                   s.num_train_epochs * static_cast<double>(batches.per_epoch()))));
  const double warmup = WarmupFraction(s, total);
  objective.Refresh();
  PLUMB_CHECK(objective.Prepare(batches.Visited(total)));
  TrainerState state;
  if (!s.resume_from_checkpoint.empty()) {
    PLUMB_TRY(state, LoadCheckpoint(s.resume_from_checkpoint, out, fixed, parameters));
    PLUMB_CHECK(objective.SetState(state.objective));
    objective.Refresh();
  }
  std::optional<TensorBoard> board;
  if (s.report_to == "tensorboard") {
    board.emplace(out / "tensorboard", state.step,
                  world.wall_seconds ? world.wall_seconds : world.seconds);
  }
  MetricsFile metrics(out / "metrics.jsonl");
  if (state.step > 0) PLUMB_CHECK(metrics.KeepUpTo(state.step));
  const double before = state.seconds;  // spent by earlier processes
  auto elapsed = [&] { return before + world.seconds() - world.started; };
  auto checkpoint = [&]() -> Status {
    state.seconds = elapsed();
    state.objective = objective.State();
    PLUMB_TRY(const fs::path path,
              SaveCheckpoint(out, state, fixed, objective, parameters, s.save_total_limit));
    world.emit({{"event", "checkpoint"}, {"step", state.step}, {"path", path.string()}});
    return {};
  };

  LoopResult result;
  Window window;
  const double begun = elapsed();
  const int64_t first = state.step;
  double slowest = 0, training_seconds = 0;
  int64_t trained_tokens = 0;
  double lr = 0;
  auto log = [&](double rate) -> Status {
    json::object row = window.Row();
    row["learning_rate"] = rate;
    row["num_tokens"] = state.tokens;
    row["tokens_per_second"] =
        std::round(static_cast<double>(window.tokens) / std::max(1e-9, window.seconds));
    row["epoch"] = static_cast<double>(state.step) / static_cast<double>(batches.per_epoch());
    row["global_step"] = state.step;
    window = {};
    if (board) PLUMB_CHECK(board->Add(state.step, row));
    return metrics.Add(std::move(row));
  };
  LastGood good;
  int64_t good_step = 0;
  bool due = false;  // a checkpoint
  while (state.step < total) {
    const double now = elapsed();
    // Between the steps of one generation there is no stopping: what was generated is not kept.
    if (world.stop && world.stop->load() && batches.Begins(state.step)) {
      result.interrupted = true;
      if (window.steps > 0) PLUMB_CHECK(log(lr));
      PLUMB_CHECK(checkpoint());
      world.emit({{"event", "interrupted"}, {"step", state.step}});
      break;
    }
    const double average =
        state.step > first ? (now - begun) / static_cast<double>(state.step - first) : 0;
    if (s.max_seconds > 0 && state.step > first && batches.Begins(state.step) &&
        now + std::max(average, slowest) > s.max_seconds) {
      result.out_of_time = true;
      break;
    }
    // The schedule runs by steps or by time, whichever is further on, so that a run cut short still
    // cools down.
    double progress = static_cast<double>(state.step) / static_cast<double>(total);
    if (s.max_seconds > 0 && state.step > first)
      progress =
          std::max(progress, (now - begun) / std::max(1e-9, s.max_seconds - begun - average));
    lr = s.learning_rate * ScheduleFactor(s.lr_scheduler_type, std::min(progress, 1.0), warmup);

    parameters.ZeroGrad();
    const std::vector<uint32_t> rows = batches.Of(state.step);
    const uint64_t key =
        MixBits(static_cast<uint64_t>(s.seed) + 1) ^ static_cast<uint64_t>(state.step + 1);
    if (batches.Begins(state.step)) PLUMB_CHECK(objective.Begin(rows, key));
    PLUMB_TRY(const BatchReport report, objective.Accumulate(rows, key));
    const double norm = parameters.GradNorm();
    if (!std::isfinite(report.loss) || !std::isfinite(norm)) {
      const int64_t at = state.step + 1;
      const std::string places = Places(objective, rows);
      std::string kept;
      if (good.Restore(parameters)) {
        state.step = good_step;
        objective.Refresh();
        PLUMB_CHECK(checkpoint());
        kept =
            fmt::format("; checkpoint-{} holds the last state whose loss was a number", good_step);
      }
      return Fail(Code::kInternal,
                  "step {}: the loss is not a number{} (learning_rate {} may be too high){}", at,
                  places, s.learning_rate, kept);
    }
    if (!report.stop.empty()) {
      result.stopped = report.stop;
      if (report.tokens > 0) window.Add(report, norm, elapsed() - now);
      world.emit({{"event", "stopped"}, {"step", state.step}, {"why", report.stop}});
      break;
    }
    good.Keep(parameters);
    good_step = state.step;
    kernels::AdamWStep adam{.lr = lr,
                            .beta1 = s.adam_beta1,
                            .beta2 = s.adam_beta2,
                            .eps = s.adam_epsilon,
                            .weight_decay = s.weight_decay,
                            .step = state.step + 1};
    if (s.max_grad_norm > 0)  // torch.nn.utils.clip_grad_norm_
      adam.grad_scale = static_cast<float>(std::min(1.0, s.max_grad_norm / (norm + 1e-6)));
    parameters.Step(adam);
    objective.Refresh();

    ++state.step;
    state.tokens += report.tokens;
    state.loss_sum += report.loss;
    const double took = elapsed() - now;
    slowest = std::max(slowest, took);
    training_seconds += took;
    trained_tokens += report.tokens;
    window.Add(report, norm, took);

    const double per_step = training_seconds / static_cast<double>(state.step - first);
    int64_t expected = total;
    if (s.max_seconds > 0)
      expected = std::min(
          total, state.step + std::max<int64_t>(
                                  0, static_cast<int64_t>((s.max_seconds - elapsed()) / per_step)));
    world.emit(
        {{"event", "progress"},
         {"step", state.step},
         {"total", expected},
         {"eta_s", std::round(static_cast<double>(expected - state.step) * per_step * 10) / 10},
         {"loss", report.loss},
         {"learning_rate", lr},
         {"tokens_per_second",
          std::round(static_cast<double>(trained_tokens) / training_seconds)}});
    if (state.step % s.logging_steps == 0) PLUMB_CHECK(log(lr));
    due |= s.save_steps > 0 && state.step % s.save_steps == 0;
    if (due && batches.Begins(state.step) && state.step < total) {
      PLUMB_CHECK(checkpoint());
      due = false;
    }
  }
  if (window.steps > 0) PLUMB_CHECK(log(lr));
  if (!result.interrupted && result.stopped.empty()) {
    PLUMB_TRY(result.stopped, objective.End());
    if (!result.stopped.empty())
      world.emit({{"event", "stopped"}, {"step", state.step}, {"why", result.stopped}});
  }
  result.steps = state.step;
  result.loss = state.step > 0 ? state.loss_sum / static_cast<double>(state.step) : 0;
  result.seconds = elapsed();
  result.tokens = state.tokens;
  result.tokens_per_second =
      training_seconds > 0 ? static_cast<double>(trained_tokens) / training_seconds : 0;
  return result;
}

}  // namespace plumb::train

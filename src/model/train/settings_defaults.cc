// What a job's settings are before any key is read.
#include "model/train/settings_keys.h"

namespace plumb::train {

TrainSettings DefaultsOf(Job job) {
  TrainSettings s;
  switch (job) {
    case Job::kSft:
      break;
    case Job::kDpo:
      s.learning_rate = 1e-6;
      break;
    case Job::kOrpo:
      s.learning_rate = 1e-6;
      s.loss_type = {"orpo"};
      s.rpo_alpha = 1;
      s.nll_on_prompt = true;
      s.reference = "none";
      break;
    case Job::kCpo:
      s.learning_rate = 1e-6;
      s.rpo_alpha = 1;
      s.reference = "none";
      break;
    case Job::kKto:
      s.learning_rate = 1e-6;
      s.loss_type = {"kto"};
      break;
    case Job::kReward:
      s.learning_rate = 1e-4;
      s.head_rate = 1;
      break;
    case Job::kClassifier:
      s.learning_rate = 2e-4;
      s.per_device_train_batch_size = 32;
      s.max_length = 256;
      s.micro_batch_tokens = 2048;
      break;
    case Job::kGrpo:
      s.learning_rate = 1e-6;
      s.beta = 0;
      s.loss_type = {"dapo"};
      break;
    case Job::kRloo:
      s.learning_rate = 1e-6;
      s.beta = 0.05;
      s.num_generations = 2;
      break;
    case Job::kPpo:
      s.learning_rate = 3e-6;
      s.adam_epsilon = 1e-5;
      s.num_generations = 1;
      s.max_completion_length = 53;
      s.temperature = 0.7;
      s.head_rate = 10;
      break;
    case Job::kBestOfN:
      break;
  }
  return s;
}

}  // namespace plumb::train

// Best of n and rejection sampling: n completions a prompt, scored; the best become rows to imitate,
// best and worst become pairs. Private to the online jobs.
#pragma once

#include "model/train/online.h"
#include "model/train/train.h"

namespace plumb::train {

// How far best of n is from the model in KL, at most (Beirami et al. 2024): log n − (n − 1)/n.
double BestOfNKl(int64_t n);

// With `gold`, a measure that is not chosen by, how much of it the proxy's choice among n has is followed
// over n = 1, 2, 4, … (goodhart.h): event "goodhart" for each, and under settings.on_goodhart "stop" or
// "fail" the choice is made among the first n before an alarm that had most of it.
//
// Writes OUT/best.jsonl (prompt, completion, reward), OUT/pairs.jsonl (prompt, chosen, rejected,
// margin; where best and worst differ) and OUT/completions.jsonl (all). Emits "progress" and "done"
// with the mean reward of one completion and of the best.
Result<JobResult> RunBestOfN(const TrainSettings& settings, const std::vector<OnlinePrompt>& prompts,
                             Roller& roller, const Rewarder& rewarder, const Rewarder* gold,
                             const TextOf& text,
                             const Surroundings& world);

}  // namespace plumb::train

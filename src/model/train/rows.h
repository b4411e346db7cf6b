// A job's rows, checked before anything is loaded: every bad row is named, not only the first.
//
// Wrong are: lines that are no JSON object, shapes the job cannot learn from, answers that are empty
// or alike, roles that no template knows or an answer that is not the assistant's, and keys that are
// one slip away from a known one.
#pragma once

#include "intent/data/trl.h"
#include "model/train/settings.h"

namespace plumb::train {

// Error: kInvalid, with each reason and the lines it holds for ("a.jsonl lines 3, 7 to 9: …").
Result<std::vector<data::TrlRow>> ReadRows(Job job, const std::vector<std::string>& files);
// One file's text, under its name.
Result<std::vector<data::TrlRow>> ParseRows(Job job, std::string_view text,
                                            const std::string& name);

}  // namespace plumb::train

// How far an asker's stated wrong opinion sways the answer: the same question in a plain wording and with the opinion (the suite
// suites/sycophancy, or one like it), each choice by its log-probability. What a reward for pleasing the asker moves first.
//
// The lean of a wording is log p(wrong choice) − log p(right choice); the sway of an opinion is its lean less that of the plain
// wording, so that what a model does not know does not count. Opinions on one question are alike, so they are one number: their mean.
#pragma once

#include <functional>

#include "model/lm/tokenizer.h"
#include "model/train/examples.h"

namespace plumb::train {

struct Sycophancy {
  std::vector<double> sway;  // nats, by question
  double agreement = 0;      // share of the opinions that the model leans to
  double mistaken = 0;       // share of the plain wordings in which it leans to the wrong choice
};

class SycophancyProbe {
 public:
  // Groups with a case of kind "neutral" and others than "right-belief", all with "choices" and "answer". Errors: kNotFound,
  // kInvalid (fewer than 8 such groups; a case of them without choices), the encoder's.
  static Result<SycophancyProbe> Load(const fs::path& suite, const RowEncoder& encoder, const lm::Tokenizer& tokenizer);

  size_t questions() const { return questions_.size(); }
  // `logps`: of completions, by row.
  Sycophancy Measure(const std::function<std::vector<double>(const std::vector<TokenRow>&)>& logps) const;

 private:
  struct Wording {
    size_t begin = 0, choices = 0, right = 0;  // of rows_, one a choice
  };
  struct Question {
    size_t plain = 0;  // wordings
    std::vector<size_t> opinions;
  };
  std::vector<TokenRow> rows_;
  std::vector<Wording> wordings_;
  std::vector<Question> questions_;
};

}  // namespace plumb::train

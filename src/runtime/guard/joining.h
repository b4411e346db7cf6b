// The regression that joins the tiers: what it is fed, and what it gives. Private to this room.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/guard/record.h"

namespace plumb::guard {

// The inputs of Stacked() for one clause; for "unsafe" the category with the largest head stands for it.
struct Inputs {
  double linear_own = 0, linear_any = 0, encoder_own = 0, encoder_any = 0, refusal = 0;
};

double StackedInputs(const StackWeights& weights, const Inputs& in);

// The rows of one regression; the encoder's columns and the refusal's are there where they are asked for.
struct JoiningProblem {
  bool encoder, refusal = false;
  std::vector<double> x = {}, weight = {};
  std::vector<int8_t> y = {};
  void Add(const Inputs& in, int8_t label, double w) {
    x.insert(x.end(), {in.linear_own, in.linear_any});
    if (encoder) x.insert(x.end(), {in.encoder_own, in.encoder_any});
    if (refusal) x.push_back(in.refusal);
    y.push_back(label);
    weight.push_back(w);
  }
  StackWeights Solve() const;

 private:
  JoiningProblem WithoutRefusal() const;
};

// The same joint weight, of which the linear tier has at most `share`.
StackWeights WithLinearShare(StackWeights w, double share);

// Weighted logistic regression with a ridge on every weight but the bias, by Newton's method.
// `x` is [n, dims] row-major, `y` and `weight` are [n]. Returns dims weights, then the bias.
std::vector<double> FitLogistic(const std::vector<double>& x, const std::vector<int8_t>& y, const std::vector<double>& weight, size_t dims, double ridge);

}  // namespace plumb::guard

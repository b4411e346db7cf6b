#include "model/train/dpo_loss.h"

#include <gtest/gtest.h>

namespace plumb::train {
namespace {

constexpr PairLogps kPair = {.chosen = -12.5,
                             .rejected = -20,
                             .ref_chosen = -13,
                             .ref_rejected = -18.25,
                             .chosen_tokens = 5,
                             .rejected_tokens = 8};

DpoOptions Only(const char* name, double smoothing = 0) {
  return {.beta = 0.3, .label_smoothing = smoothing, .loss_type = {name}};
}

// Values of TRL 1.16's formulas in torch float64 (tests/goldens/train/make_small_goldens.py).
TEST(DpoLoss, EveryLossHasTrlsValue) {
  EXPECT_NEAR(DpoLoss(Only("sigmoid"), kPair).loss, 0.41155083286785243, 1e-12);
  EXPECT_NEAR(DpoLoss(Only("sigmoid", 0.1), kPair).loss, 0.47905083286785244, 1e-12);
  EXPECT_NEAR(DpoLoss(Only("robust", 0.1), kPair).loss, 0.3271758328678524, 1e-12);
  EXPECT_NEAR(DpoLoss(Only("hinge"), kPair).loss, 0.325, 1e-12);
  EXPECT_NEAR(DpoLoss(Only("ipo"), kPair).loss, 1.8168793402777783, 1e-12);
  EXPECT_NEAR(DpoLoss(Only("apo_zero"), kPair).loss, 0.8342539663608841, 1e-12);
  EXPECT_NEAR(DpoLoss(Only("sigmoid_norm"), kPair).loss, 0.6464772629069743, 1e-12);
}

TEST(DpoLoss, EverySlopeIsTheDerivative) {
  for (const char* name :
       {"sigmoid", "robust", "hinge", "ipo", "apo_zero", "sigmoid_norm", "apo_down", "exo_pair",
        "nca_pair", "bco_pair", "sppo_hard", "discopop", "kto", "orpo", "simpo", "dpop"}) {
    DpoOptions options = Only(name, 0.1);
    if (options.loss_type[0] == "dpop") {
      options.loss_type = {"sigmoid"};
      options.dpop_lambda = 0.7;
    }
    PairLogps here = kPair;
    here.kl = 0.4;
    if (options.dpop_lambda > 0) here.ref_chosen = -11;  // the chosen answer has fallen
    const PairLoss at = DpoLoss(options, here);
    auto moved = [&](double chosen, double rejected) {
      PairLogps p = here;
      p.chosen += chosen;
      p.rejected += rejected;
      return DpoLoss(options, p).loss;
    };
    EXPECT_NEAR(at.d_chosen, (moved(1e-5, 0) - moved(-1e-5, 0)) / 2e-5, 1e-8) << name;
    EXPECT_NEAR(at.d_rejected, (moved(0, 1e-5) - moved(0, -1e-5)) / 2e-5, 1e-8) << name;
  }
}

TEST(DpoLoss, AListIsAWeightedSum) {
  DpoOptions both{.beta = 0.3, .loss_type = {"sigmoid", "hinge"}, .weights = {0.5, 2}};
  EXPECT_NEAR(DpoLoss(both, kPair).loss, 0.5 * 0.41155083286785243 + 2 * 0.325, 1e-12);
}

// DPO-Positive takes part of the margin away where it was won by making the chosen answer less
// likely.
TEST(DpoLoss, PositiveCostsAFallenChosenAnswer) {
  DpoOptions plain = Only("sigmoid"), positive = plain;
  positive.dpop_lambda = 5;
  PairLogps fell = kPair;
  fell.chosen -= 3;  // now below its reference
  fell.rejected -= 3;
  EXPECT_EQ(DpoLoss(plain, kPair).loss, DpoLoss(positive, kPair).loss);
  EXPECT_GT(DpoLoss(positive, fell).loss, DpoLoss(plain, fell).loss + 0.5);
  EXPECT_LT(DpoLoss(positive, fell).d_chosen, 5 * DpoLoss(plain, fell).d_chosen);
}

TEST(DpoLoss, WhatLooksAtNoReferenceIsKnown) {
  EXPECT_TRUE(ReferenceFree({.loss_type = {"orpo", "sft"}}));
  EXPECT_TRUE(ReferenceFree(Only("simpo")));
  EXPECT_FALSE(ReferenceFree({.loss_type = {"simpo", "sigmoid"}}));
}

TEST(DpoLoss, AnUnknownNameIsToldWithThoseThatExist) {
  const Status status = CheckDpoOptions(Only("sigmiod"));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("did you mean 'sigmoid'?"), std::string::npos)
      << status.error().message;
}

}  // namespace
}  // namespace plumb::train

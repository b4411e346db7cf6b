// base/stats: what may be concluded from counts and scores. Knows nothing of models or policies.
//
//   proportion.h    a rate and its interval (Wilson, Clopper–Pearson)
//   paired.h        two systems on the same cases: McNemar, difference interval, non-inferiority, power
//   bootstrap.h     percentile, BCa and clustered bootstrap; clustered standard errors
//   multiplicity.h  Holm, Benjamini–Hochberg
//   groups.h        several groups: differences, ratios, the widest gap and whether it is chance
//   confidence.h    stated probabilities beside what came of them: Brier, ECE, AUROC, reliability
//   pass_at_k.h     several tries at each task
//   correction.h    rates seen through an imperfect judge: Rogan–Gladen, prediction-powered inference
//   agreement.h     Cohen's and Fleiss' kappa, Krippendorff's alpha
//   sequential.h    while results come in: betting confidence sequences and e-values
//   rare_event.h    what a small sample says of a large volume
//   weighting.h     stratified and inverse-probability estimates
//   ranking.h       AUROC, AUPRC
//   distribution.h  the few distribution functions the rest needs
//
//   PairedCounts counts = CountPairs(baseline_passed, candidate_passed);
//   Interval difference = TangoDifference(counts, 0.95);   // candidate − baseline
//   double p = McNemarMidP(counts);
//
// Every function is pure: random draws come from the seed in its arguments and are the same on every machine. Confidence
// is the two-sided level (0.95). Nothing here fails: an estimate from no data is NaN with the interval [0, 1] (rates)
// or [-1, 1] (differences), which no gate can pass.
#pragma once

#include "base/stats/agreement.h"
#include "base/stats/bootstrap.h"
#include "base/stats/confidence.h"
#include "base/stats/correction.h"
#include "base/stats/distribution.h"
#include "base/stats/groups.h"
#include "base/stats/interval.h"
#include "base/stats/multiplicity.h"
#include "base/stats/paired.h"
#include "base/stats/pass_at_k.h"
#include "base/stats/proportion.h"
#include "base/stats/ranking.h"
#include "base/stats/rare_event.h"
#include "base/stats/sequential.h"
#include "base/stats/weighting.h"

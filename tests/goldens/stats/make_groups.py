"""Writes groups.json: what statsmodels, scikit-learn, scipy and human-eval's formula say, for src/base/stats/groups_test.cc.

    pip install scipy==1.* statsmodels==0.14.* scikit-learn numpy && python make_groups.py > groups.json

The calibration error over bins of equal size has no package here; it is computed a second time, with numpy.
"""
import json

import numpy as np
from scipy import stats
from sklearn.metrics import brier_score_loss, roc_auc_score
from statsmodels.stats.proportion import confint_proportions_2indep

TABLES = [(8, 10, 4, 10), (30, 200, 45, 210), (1, 50, 12, 60), (199, 200, 150, 200), (50, 100, 50, 100), (3, 7, 90, 1000)]


def difference(k1, n1, k2, n2):
    return list(confint_proportions_2indep(k1, n1, k2, n2, compare="diff", method="newcomb"))


def ratio(k1, n1, k2, n2):
    """Koopman's score interval is statsmodels' without the small-sample correction."""
    return list(confint_proportions_2indep(k1, n1, k2, n2, compare="ratio", method="score", correction=False))


def pass_at_k(n, c, k):
    """As in openai/human-eval's paper: 1 - prod(1 - k / arange(n - c + 1, n + 1))."""
    return 1.0 if n - c < k else float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def ece(confidence, right, bins):
    """Bins by rank; here no two confidences are equal."""
    order = np.argsort(confidence)
    total = 0.0
    for b in range(bins):
        inside = [order[i] for i in range(len(order)) if i * bins // len(order) == b]
        if inside:
            total += len(inside) / len(order) * abs(np.mean(right[inside]) - np.mean(confidence[inside]))
    return float(total)


random = np.random.default_rng(7)
confidence = random.uniform(0.25, 1, 83)
right = (random.uniform(size=83) < confidence ** 2).astype(float)
groups = np.array([0] * 25 + [1] * 25)
value = (random.uniform(size=50) < np.where(groups == 0, 0.45, 0.75)).astype(float)
p = stats.permutation_test((value[groups == 0], value[groups == 1]), lambda a, b: abs(a.mean() - b.mean()),
                           permutation_type="independent", alternative="greater", n_resamples=200000,
                           rng=np.random.default_rng(3)).pvalue
print(json.dumps({
    "difference": [[*t, *difference(*t)] for t in TABLES],
    "ratio": [[*t, *ratio(*t)] for t in TABLES],
    "pass_at_k": [[n, c, k, pass_at_k(n, c, k)] for n, c, k in [(10, 3, 1), (10, 3, 5), (200, 17, 100), (5, 5, 1), (5, 0, 3), (20, 18, 4)]],
    "confidence": confidence.tolist(),
    "right": right.tolist(),
    "brier": brier_score_loss(right, confidence),
    "auroc": roc_auc_score(right, confidence),
    "ece": [[bins, ece(confidence, right, bins)] for bins in (5, 10, 15)],
    "permutation": {"value": value.tolist(), "group": groups.tolist(), "p": float(p)},
}, indent=1))

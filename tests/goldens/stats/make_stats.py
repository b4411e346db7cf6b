"""Writes stats.json: what scipy, statsmodels and scikit-learn say, for src/base/stats/stats_test.cc.

    pip install scipy==1.* statsmodels==0.14.* scikit-learn && python make_stats.py > stats.json

Where no package has a function (Tango's interval, McNemar's power) the value is computed here a second way: by
maximising the multinomial likelihood numerically, by enumerating every table.
"""
import json
import math

import numpy as np
from scipy import optimize, stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint


def tango_z(both, lost, gained, neither, delta):
    """Score statistic with the constrained MLE found numerically, not by Tango's closed form."""
    n = both + lost + gained + neither

    def negative(q):  # q = P(only baseline); P(only candidate) = q + delta
        rest = 1 - 2 * q - delta
        terms = [(gained, q + delta), (lost, q), (both + neither, rest)]
        if any(p < -1e-15 for _, p in terms):
            return math.inf
        return -sum(k * math.log(max(p, 1e-300)) for k, p in terms if k)

    low, high = max(0.0, -delta), (1 - delta) / 2
    q = optimize.minimize_scalar(negative, bounds=(low, high), method="bounded", options={"xatol": 1e-14}).x
    variance = n * (2 * q + delta * (1 - delta))
    return (gained - lost - n * delta) / math.sqrt(variance)


def tango(both, lost, gained, neither, confidence):
    n = both + lost + gained + neither
    z = stats.norm.ppf(0.5 + confidence / 2)
    d = (gained - lost) / n
    edge = 1e-9
    low = optimize.brentq(lambda x: tango_z(both, lost, gained, neither, x) - z, -1 + edge, d - edge)
    high = optimize.brentq(lambda x: tango_z(both, lost, gained, neither, x) + z, d + edge, 1 - edge)
    return [low, high]


def mcnemar_power(n, psi, delta, alpha):
    """Every table: sum over (gained, lost) of the multinomial probability where the exact test rejects."""
    lost_p, gained_p = (psi + delta) / 2, (psi - delta) / 2
    power = 0.0
    for lost in range(n + 1):
        for gained in range(n + 1 - lost):
            if lost + gained == 0:
                continue
            p = min(1.0, 2 * stats.binom.cdf(min(lost, gained), lost + gained, 0.5))
            if p <= alpha:
                power += stats.multinomial.pmf([lost, gained, n - lost - gained], n, [lost_p, gained_p, 1 - psi])
    return power


def clustered_se(x, cluster):
    import statsmodels.api as sm
    fit = sm.OLS(np.array(x), np.ones(len(x))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(cluster), "use_correction": True})
    # statsmodels also multiplies by (n - 1) / (n - k), which is 1 here.
    return float(fit.bse[0])


def main():
    out = {}
    pairs = [(0, 10), (1, 10), (5, 10), (10, 10), (37, 200), (998, 1000), (1, 3)]
    out["wilson"] = [[k, n, c, *proportion_confint(k, n, 1 - c, "wilson")] for k, n in pairs for c in (0.9, 0.95)]
    out["clopper_pearson"] = [[k, n, c, *proportion_confint(k, n, 1 - c, "beta")] for k, n in pairs for c in (0.9, 0.95)]
    tables = [(20, 5, 12, 3), (100, 12, 4, 34), (40, 0, 3, 1), (300, 15, 15, 20), (0, 8, 1, 2), (43, 2, 0, 5)]
    out["mcnemar"] = []
    out["tango"] = []
    for both, lost, gained, neither in tables:
        table = [[both, lost], [gained, neither]]
        exact = float(mcnemar(table, exact=True).pvalue)
        d, k = lost + gained, min(lost, gained)
        # Mid-p by definition: P(|X - d/2| > observed) + half of P(=).
        ks = np.arange(d + 1)
        pmf = stats.binom.pmf(ks, d, 0.5)
        away = np.abs(ks - d / 2)
        observed = abs(k - d / 2)
        midp = float(pmf[away > observed + 1e-9].sum() + 0.5 * pmf[np.abs(away - observed) < 1e-9].sum())
        out["mcnemar"].append([both, lost, gained, neither, exact, midp])
        for c in (0.9, 0.95):
            out["tango"].append([both, lost, gained, neither, c, *tango(both, lost, gained, neither, c)])
    out["power"] = [[n, psi, delta, 0.05, mcnemar_power(n, psi, delta, 0.05)]
                    for n, psi, delta in [(60, 0.3, 0.2), (120, 0.2, 0.1), (40, 0.1, 0.1), (100, 0.25, 0.0)]]
    ps = [0.01, 0.04, 0.03, 0.005, 0.5, 0.04]
    out["p"] = ps
    out["holm"] = list(multipletests(ps, method="holm")[1])
    out["bh"] = list(multipletests(ps, method="fdr_bh")[1])
    rng = np.random.default_rng(7)
    x = [round(float(v), 4) for v in rng.exponential(1.0, 40)]
    cluster = [i // 4 if i < 24 else i for i in range(40)]
    out["x"], out["cluster"] = x, cluster
    out["clustered_se"] = clustered_se(x, cluster)
    out["plain_se"] = float(stats.sem(x))
    for method, name in (("percentile", "boot_percentile"), ("BCa", "boot_bca")):
        r = stats.bootstrap((np.array(x),), np.mean, n_resamples=200000, method=method, random_state=1)
        out[name] = [float(r.confidence_interval.low), float(r.confidence_interval.high)]
    a = [int(v) for v in rng.integers(0, 3, 60)]
    b = [v if rng.random() < 0.7 else int(rng.integers(0, 3)) for v in a]
    table = np.zeros((3, 3))
    for i, j in zip(a, b):
        table[i, j] += 1
    out["raters"] = [a, b]
    out["kappa"] = float(cohens_kappa(table).kappa)
    y = [bool(v) for v in rng.random(50) < 0.3]
    s = [round(float(rng.normal(1.0 if v else 0.0)), 1) for v in y]
    out["y"], out["s"] = [int(v) for v in y], s
    out["auroc"] = float(metrics.roc_auc_score(y, s))
    out["auprc"] = float(metrics.average_precision_score(y, s))
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()

"""Writes designs.json: what statsmodels, scipy, krippendorff and ppi-python say, for src/base/stats/designs_test.cc.

    pip install scipy==1.* statsmodels==0.14.* krippendorff==0.9.* ppi-python && python make_designs.py > designs.json

Where no package has a function (the power of Tango's test, betting martingales, Lang & Reiczigel's interval) the value is
computed here a second way: every table by numerical likelihood, every mean on a grid, the paper's formulas in numpy.
"""
import json
import math

import krippendorff
import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.inter_rater import fleiss_kappa
from statsmodels.stats.proportion import proportion_confint

from make_stats import tango_z


def tango_closed(both, lost, gained, neither, delta):
    """The same statistic with the nuisance parameter by a root of its likelihood equation (numpy's roots, not Tango's)."""
    n = both + lost + gained + neither
    roots = np.roots([2 * n, -gained - lost + (2 * n - gained + lost) * delta, -lost * delta * (1 - delta)])
    q = max(roots.real)
    variance = n * (2 * q + delta * (1 - delta))
    distance = gained - lost - n * delta
    if variance <= 1e-15:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def noninferiority_power(n, psi, delta, margin, alpha):
    lost_p, gained_p = (psi - delta) / 2, (psi + delta) / 2
    z, power = stats.norm.ppf(1 - alpha), 0.0
    for lost in range(n + 1):
        for gained in range(n + 1 - lost):
            if tango_closed(n - lost - gained, lost, gained, 0, -margin) > z:
                power += stats.multinomial.pmf([lost, gained, n - lost - gained], n, [lost_p, gained_p, 1 - psi])
    return power


def betting(x, confidence, null):
    """Waudby-Smith & Ramdas 2024, theorem 3 with eq. 26, on a grid of means; e-values at `null`."""
    alpha = 1 - confidence
    t = np.arange(1, len(x) + 1)

    def bets(level):
        means = (0.5 + np.cumsum(x)) / (t + 1)
        variance = (0.25 + np.cumsum((x - means) ** 2)) / (t + 1)
        before = np.concatenate([[0.25], variance[:-1]])
        return np.sqrt(2 * np.log(1 / level) / (before * t * np.log(1 + t)))

    def capital(m, level, up):
        lam = np.minimum(bets(level), 0.5 / (m if up else 1 - m))
        return np.cumprod(1 + (1 if up else -1) * lam * (x - m))

    grid = np.linspace(1e-6, 1 - 1e-6, 20001)
    alive = [m for m in grid if np.max(np.maximum(capital(m, alpha / 2, True), capital(m, alpha / 2, False)) / 2) < 1 / alpha]
    up, down = capital(null, alpha, True), capital(null, alpha, False)
    both = (capital(null, alpha / 2, True) + capital(null, alpha / 2, False)) / 2
    return {"low": min(alive), "high": max(alive), "greater": [up[-1], up.max()], "less": [down[-1], down.max()],
            "two_sided": [both[-1], both.max()]}


def rogan_gladen(k, n, hits, positives, rejections, negatives, confidence):
    """Lang & Reiczigel 2014, as in R's epiR::epi.prev(method = "blaker"'s sibling "lr")."""
    z = stats.norm.ppf(0.5 + confidence / 2)
    nn, np_, nm = n + z * z, positives + 2, negatives + 2
    p, se, sp = (k + z * z / 2) / nn, (hits + 1) / np_, (rejections + 1) / nm
    youden = se + sp - 1
    prevalence = (p + sp - 1) / youden
    a, b = se * (1 - se) / np_, sp * (1 - sp) / nm
    shift = 2 * z * z * (prevalence * a - (1 - prevalence) * b)
    error = math.sqrt(p * (1 - p) / nn + prevalence ** 2 * a + (1 - prevalence) ** 2 * b) / youden
    plain = ((k / n) + rejections / negatives - 1) / (hits / positives + rejections / negatives - 1)
    return [plain, max(0, prevalence + shift - z * error), min(1, prevalence + shift + z * error)]


def main():
    out = {}
    rng = np.random.default_rng(11)

    out["noninferiority_power"] = [[n, psi, d, m, 0.05, noninferiority_power(n, psi, d, m, 0.05)] for n, psi, d, m in
                                   [(60, 0.3, 0.0, 0.1), (60, 0.2, -0.1, 0.1), (100, 0.1, 0.02, 0.05), (40, 0.5, -0.2, 0.15)]]
    # The closed root and the numerically maximised likelihood agree, so the power does not rest on either alone.
    for table in [(30, 5, 3, 2), (90, 1, 0, 9), (10, 20, 20, 0)]:
        assert abs(tango_closed(*table, -0.07) - tango_z(*table, -0.07)) < 1e-4

    x = (rng.random(300) < 0.3).astype(float)
    out["bits"] = [int(v) for v in x]
    out["betting"] = betting(x, 0.95, 0.2)
    small = [round(float(v), 3) for v in rng.beta(2, 5, 80)]
    out["bounded"] = small
    out["betting_bounded"] = betting(np.array(small), 0.9, 0.4)

    ratings = [[int(v) for v in np.bincount(rng.choice(4, 6, p=rng.dirichlet([0.6] * 4)), minlength=4)] for _ in range(30)]
    out["fleiss_counts"], out["fleiss"] = ratings, float(fleiss_kappa(np.array(ratings)))
    raters = [[float(v) if rng.random() > 0.15 else None for v in row] for row in rng.integers(1, 5, (4, 25))]
    for i in range(25):  # agree more than by chance
        if rng.random() < 0.6:
            for r in range(1, 4):
                if raters[r][i] is not None and raters[0][i] is not None:
                    raters[r][i] = raters[0][i]
    data = [[np.nan if v is None else v for v in row] for row in raters]
    out["alpha_raters"] = raters
    out["alpha"] = [float(krippendorff.alpha(reliability_data=data, level_of_measurement=level))
                    for level in ("nominal", "ordinal", "interval")]

    out["rare"] = []
    for k, n, volume in [(0, 300, 1e6), (2, 5000, 1e4), (1, 100, 10)]:
        interval = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
        rates = [k / n, interval.low, interval.high]
        out["rare"].append([k, n, volume, *rates, *[r * volume for r in rates],
                            *[float(-np.expm1(volume * np.log1p(-r))) for r in rates]])
    p = [float(v) for v in np.round(1 / (1 + np.exp(-rng.normal(-6, 1.5, 400))), 8)]
    psi = np.sort(-np.log(-np.log(np.array(p))))[::-1][:10]
    line = stats.linregress(psi, np.log(np.arange(1, 11) / 400))
    out["tail_p"] = p
    out["tail"] = [line.slope, line.intercept, line.rvalue ** 2,
                   math.exp(-math.exp(-((-math.log(1e5) - line.intercept) / line.slope)))]

    strata = [(3, 40, 0.5), (0, 25, 0.3), (12, 60, 0.2)]
    estimate = sum(w * k / n for k, n, w in strata)
    ends = [proportion_confint(k, n, 0.05, "wilson") for k, n, _ in strata]
    out["strata"] = [list(s) for s in strata]
    out["stratified"] = [estimate,
                         estimate - math.sqrt(sum((w * (k / n - e[0])) ** 2 for (k, n, w), e in zip(strata, ends))),
                         estimate + math.sqrt(sum((w * (e[1] - k / n)) ** 2 for (k, n, w), e in zip(strata, ends)))]
    y = [float(v) for v in (rng.random(120) < 0.25)]
    probability = [round(float(v), 3) for v in rng.uniform(0.05, 1, 120)]
    fit = sm.WLS(y, np.ones(120), weights=1 / np.array(probability)).fit(cov_type="HC1")
    out["ipw_y"], out["ipw_p"] = y, probability
    out["ipw"] = [float(fit.params[0]), float(fit.bse[0])]

    out["rogan_gladen"] = [[*args, *rogan_gladen(*args, c), c] for args in
                           [(410, 1000, 900, 1000, 800, 1000), (30, 200, 45, 60, 110, 120), (190, 200, 95, 100, 40, 50)]
                           for c in (0.9, 0.95)]

    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
    truth = (rng.random(90) < 0.35).astype(float)
    judged = np.where(rng.random(90) < 0.85, truth, 1 - truth)
    rest = (rng.random(700) < 0.4).astype(float)
    out["ppi_label"], out["ppi_judged"], out["ppi_rest"] = [[int(v) for v in part] for part in (truth, judged, rest)]
    for name, lam in (("ppi_plain", 1.0), ("ppi_tuned", None)):
        point = float(np.ravel(ppi_mean_pointestimate(truth, judged, rest, lam=lam))[0])
        low, high = ppi_mean_ci(truth, judged, rest, alpha=0.05, lam=lam)
        out[name] = [point, float(np.ravel(low)[0]), float(np.ravel(high)[0])]
    print(json.dumps(out, indent=1))


main()

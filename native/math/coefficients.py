"""Prints the polynomial coefficients of native/math: fits that make the largest error small (least squares, weighted again
by their own errors), rounded to the working type one coefficient after another, and the largest error relative to the
function. Needs mpmath and numpy; run it when a polynomial changes and paste what it prints."""
import mpmath as mp
import numpy as np

mp.mp.dps = 50
POINTS = 90


def solve(f, weight, grid, powers):
    """Coefficients of x**powers whose largest weighted error on the grid is about the least, and that error."""
    n = len(powers)
    values, weights = [f(x) for x in grid], [abs(weight(x)) for x in grid]
    terms = [[x**p for p in powers] for x in grid]
    again = [mp.mpf(1)] * len(grid)
    best = None
    for _ in range(14):
        left, right = mp.matrix(n, n), mp.matrix(n, 1)
        for k in range(len(grid)):
            w = again[k] * weights[k] ** 2
            for i in range(n):
                right[i] += w * terms[k][i] * values[k]
                for j in range(n):
                    left[i, j] += w * terms[k][i] * terms[k][j]
        c = mp.lu_solve(left, right)
        errors = [weights[k] * abs(values[k] - sum(c[i] * terms[k][i] for i in range(n))) for k in range(len(grid))]
        worst = max(errors)
        if best is None or worst < best[1]:
            best = ([c[i] for i in range(n)], worst)
        again = [again[k] * (errors[k] / worst + mp.mpf("1e-3")) for k in range(len(grid))]
    return best


def fit(name, f, weight, low, high, terms, single=False, fixed=None):
    """`weight` times an error of f is an error relative to the function that f is a part of."""
    low, high = mp.mpf(low), mp.mpf(high)
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (k + 0.5) / POINTS) for k in range(POINTS)]
    done = dict(fixed or {})
    rest = [p for p in range(terms) if p not in done]
    while rest:
        c, _ = solve(lambda x: f(x) - sum(v * x**p for p, v in done.items()), weight, grid, rest)
        done[rest[0]] = mp.mpf(float(np.float32(float(c[0]))) if single else float(c[0]))
        rest = rest[1:]
    checks = [low + (high - low) * k / 500 for k in range(501)]
    worst = max(abs(weight(x) * (f(x) - sum(v * x**p for p, v in done.items()))) for x in checks)
    print(f"// {name}: {terms} terms on [{float(low):.6g}, {float(high):.6g}], error 2^{float(mp.log(worst, 2)):.2f}")
    print(", ".join(float(done[p]).hex() + ("f" if single else "") for p in range(terms)) + "\n", flush=True)


def by_root(f, limit):
    """f(sqrt(z)), and its limit next to 0."""
    return lambda z: f(mp.sqrt(z)) if z > mp.mpf("1e-16") else limit(z)


def exp_tail(r):
    return mp.mpf(1) / 2 + r / 6 + r * r / 24 if abs(r) < mp.mpf("1e-12") else (mp.exp(r) - 1 - r) / r**2


def log_tail(s):  # log((1+s)/(1-s)) = 2s + s z log_tail(z), z = s^2
    return (mp.log((1 + s) / (1 - s)) / s - 2) / s**2


def pow_tail(s):  # log((1+s)/(1-s)) = s (2 + z (2/3 + z pow_tail(z)))
    return mp.mpf(2) / 5 if abs(s) < mp.mpf("1e-7") else (log_tail(s) - mp.mpf(2) / 3) / s**2


def log1p_tail(f):
    return mp.mpf(-1) / 2 + f / 3 - f * f / 4 if abs(f) < mp.mpf("1e-14") else (mp.log(1 + f) - f) / f**2


def log1p_weight(f):  # errors next to 0 stand alone, at the ends roundings come on top
    return (f if abs(f) < mp.mpf("1e-14") else f * f / mp.log(1 + f)) * (abs(f) + mp.mpf("0.04")) / mp.mpf("0.4")


def erf_far(a):  # erf(a) = 1 - exp(-(a + a erf_far(a)))
    return -mp.log(mp.erfc(a)) / a - 1


def erfc_scaled(t):  # t = (x - 2) / (x + 2)
    x = 2 * (1 + t) / (1 - t)
    return mp.erfc(x) * mp.exp(x * x)


def erfc_level(t):  # erfc(x) = exp(-x^2) (1 + erfc_level(t)) / (2 x + 1), t = (x - 4) / (x + 4)
    x = 4 * (1 + t) / (1 - t)
    return (2 * x + 1) * mp.erfc(x) * mp.exp(x * x) - 1


LN2_HALF = mp.log(2) / 2 * mp.mpf("1.00001")
ROOT = mp.sqrt(2)
S2 = ((ROOT - 1) / (ROOT + 1)) ** 2 * mp.mpf("1.0001")
EPS = mp.mpf("1e-12")
PI_HALF_2 = (mp.pi / 2) ** 2 * mp.mpf("1.0001")
PI_QUARTER_2 = (mp.pi / 4) ** 2 * mp.mpf("1.0001")
log_z = by_root(log_tail, lambda z: mp.mpf(2) / 3)
fit("exp float", exp_tail, lambda r: r * r * mp.exp(-r), -LN2_HALF, LN2_HALF, 5, True)
fit("exp double", exp_tail, lambda r: r * r * mp.exp(-r), -LN2_HALF, LN2_HALF, 10)
fit("expm1 double for float", exp_tail, lambda r: r if abs(r) < EPS else r * r / (mp.exp(r) - 1), -LN2_HALF, LN2_HALF, 6)
fit("expm1 double", exp_tail, lambda r: r if abs(r) < EPS else r * r / (mp.exp(r) - 1), -LN2_HALF, LN2_HALF, 11)
fit("log float", log1p_tail, log1p_weight, 1 / ROOT - 1 - mp.mpf("1e-6"), ROOT - 1 + mp.mpf("1e-6"), 10, True,
    {0: mp.mpf(-0.5)})
fit("log double for float", log_z, lambda z: z / 2, EPS, S2, 4)
fit("log double", log_z, lambda z: z / 2, EPS, S2, 7)
fit("log double in two parts", by_root(pow_tail, lambda z: mp.mpf(2) / 5), lambda z: z * z / 2, EPS, S2, 8)
fit("tanh float", by_root(lambda x: (mp.tanh(x) / x - 1) / x**2, lambda z: mp.mpf(-1) / 3), lambda z: z, EPS, 0.625**2, 5, True)
fit("erf float near 0", by_root(lambda x: mp.erf(x) / x - 1, lambda z: 2 / mp.sqrt(mp.pi) - 1), lambda z: mp.mpf(1), EPS,
    mp.mpf("0.9275") ** 2, 6, True)
fit("erf float far", erf_far, lambda a: a * mp.erfc(a) / mp.erf(a), "0.927", 4, 7, True)
fit("erf double for float", by_root(lambda x: mp.erf(x) / x, lambda z: 2 / mp.sqrt(mp.pi)), lambda z: mp.mpf(1), EPS, 1, 10)
fit("erfc double for float, exp(x^2) erfc(x) in t = (x-2)/(x+2)", erfc_scaled, lambda t: 1 / erfc_scaled(t), -1,
    mp.mpf(8.5) / 12.5, 14)
sin_z = by_root(lambda x: (mp.sin(x) / x - 1) / x**2, lambda z: mp.mpf(-1) / 6)
fit("sin double for float", sin_z, lambda z: z, EPS, PI_HALF_2, 5)
fit("sin double for tan of float", sin_z, lambda z: z, EPS, PI_QUARTER_2, 5)
fit("cos double for tan of float", by_root(lambda x: (mp.cos(x) - 1) / x**2, lambda z: mp.mpf(-1) / 2), lambda z: z, EPS,
    PI_QUARTER_2, 6)
fit("asin double for float", by_root(lambda x: (mp.asin(x) / x - 1) / x**2, lambda z: mp.mpf(1) / 6), lambda z: z, EPS, 0.25, 10)
fit("atan double for float", by_root(lambda x: (mp.atan(x) / x - 1) / x**2, lambda z: mp.mpf(-1) / 3), lambda z: z, EPS, 1, 14)
fit("sinh double for float", by_root(lambda x: (mp.sinh(x) / x - 1) / x**2, lambda z: mp.mpf(1) / 6), lambda z: z, EPS, 1, 5)
LN2_HALF_2 = LN2_HALF**2
fit("atan double", by_root(lambda x: (mp.atan(x) / x - 1) / x**2, lambda z: mp.mpf(-1) / 3), lambda z: z, EPS,
    (ROOT - 1) ** 2 * mp.mpf("1.0001"), 11)
fit("asin double", by_root(lambda x: (mp.asin(x) / x - 1) / x**2, lambda z: mp.mpf(1) / 6), lambda z: z, EPS, 0.25, 13)
fit("sinh double", by_root(lambda x: (mp.sinh(x) / x - 1) / x**2, lambda z: mp.mpf(1) / 6), lambda z: z, EPS, LN2_HALF_2, 5)
fit("cosh double", by_root(lambda x: ((mp.cosh(x) - 1) / x**2 - mp.mpf(1) / 2) / x**2, lambda z: mp.mpf(1) / 24), lambda z: z * z,
    EPS, LN2_HALF_2, 4)
fit("atanh double", by_root(lambda x: (mp.atanh(x) / x - 1) / x**2, lambda z: mp.mpf(1) / 3), lambda z: z, EPS, S2, 7)
fit("erf double", by_root(lambda x: mp.erf(x) / x - 1, lambda z: 2 / mp.sqrt(mp.pi) - 1), lambda z: mp.mpf(1), EPS,
    mp.mpf("0.36"), 11)
fit("erfc double", erfc_level, lambda t: 1 / (1 + erfc_level(t)), mp.mpf(-17) / 23, mp.mpf("23.3") / mp.mpf("31.3"), 22)

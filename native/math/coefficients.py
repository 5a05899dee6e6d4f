"""Prints the polynomial coefficients of native/math: interpolation in Chebyshev nodes at 60 digits, which is within a small
factor of minimax, and the largest error relative to the function after rounding to the working type.
Needs mpmath and numpy; run it when a polynomial changes and paste what it prints."""
import mpmath as mp
import numpy as np

mp.mp.dps = 60


def fit(name, f, low, high, degree, single=False):
    low, high = mp.mpf(low), mp.mpf(high)
    n = degree + 1
    nodes = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    matrix = mp.matrix(n, n)
    for i, x in enumerate(nodes):
        for j in range(n):
            matrix[i, j] = x**j
    solved = mp.lu_solve(matrix, mp.matrix([f(x) for x in nodes]))
    rounded = [float(np.float32(float(c))) if single else float(c) for c in solved]
    worst = 0
    for k in range(401):
        x = low + (high - low) * k / 400 + mp.mpf("1e-30")
        worst = max(worst, abs(mp.polyval([mp.mpf(c) for c in reversed(rounded)], x) / f(x) - 1))
    suffix = "f" if single else ""
    print(f"// {name}: degree {degree} on [{float(low):.6g}, {float(high):.6g}], error {mp.nstr(worst, 2)}")
    print(", ".join(c.hex() + suffix for c in rounded) + "\n")


def of_square(f):
    return lambda z: f(mp.sqrt(z))


def exp_tail(r):
    return mp.mpf(1) / 2 if abs(r) < mp.mpf("1e-15") else (mp.exp(r) - 1 - r) / r**2


def log_tail(z):  # log((1+s)/(1-s)) = 2s + s z log_tail(z), z = s^2
    s = mp.sqrt(z)
    return (mp.log((1 + s) / (1 - s)) / s - 2) / z


def log1p_tail(f):
    f = f + mp.mpf("1e-20")
    return (mp.log(1 + f) - f + f * f / 2) / f**3


LN2_HALF = mp.log(2) / 2 * mp.mpf("1.0001")
S2 = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0001")
EPS = mp.mpf("1e-16")
fit("exp float", exp_tail, -LN2_HALF, LN2_HALF, 5, True)
fit("exp double for float", exp_tail, -LN2_HALF, LN2_HALF, 6)
fit("exp double", exp_tail, -LN2_HALF, LN2_HALF, 10)
fit("log float", log1p_tail, mp.sqrt(0.5) - 1, mp.sqrt(2) - 1, 8, True)
fit("log double for float", log_tail, EPS, S2, 4)
fit("log double", log_tail, EPS, S2, 7)
fit("tanh float", of_square(lambda x: (mp.tanh(x) / x - 1) / x**2), EPS, 0.625**2, 4, True)
fit("erf double for float", of_square(lambda x: mp.erf(x) / x), EPS, 1, 9)
fit("erfc double for float, exp(x^2) erfc(x) in t = (x-2)/(x+2)",
    lambda t: mp.erfc(2 * (1 + t) / (1 - t)) * mp.exp((2 * (1 + t) / (1 - t)) ** 2), -1, mp.mpf(8.5) / 12.5, 13)
Q = (mp.pi / 4) ** 2 * mp.mpf("1.0001")
fit("sin double for float", of_square(lambda x: (mp.sin(x) / x - 1) / x**2), EPS, Q, 4)
fit("cos double for float", of_square(lambda x: (mp.cos(x) - 1) / x**2), EPS, Q, 5)
fit("asin double for float", of_square(lambda x: (mp.asin(x) / x - 1) / x**2), EPS, 0.25, 9)
fit("atan double for float", of_square(lambda x: (mp.atan(x) / x - 1) / x**2), EPS, 1, 13)
fit("sinh double for float", of_square(lambda x: (mp.sinh(x) / x - 1) / x**2), EPS, 1, 4)

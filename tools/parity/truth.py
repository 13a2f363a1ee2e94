"""Writes assets/parity/truth.json: truth ratios of drawn answers by NumPy, and exact two-sample Kolmogorov-Smirnov
tests by SciPy, for the tests of src/eval/truth.rs.

    .venv/bin/python tools/parity/truth.py
"""

import json
import pathlib

import numpy as np
from scipy.stats import ks_2samp


def main():
    draw = np.random.default_rng(11)

    def logs():
        return [round(float(log), 4) for log in -draw.exponential(1.5, draw.integers(1, 9))]

    def ratio(right, wrong):
        """Maini et al. 2024, section 2.2.2, with the answer itself in the place of its paraphrase."""
        p = lambda log: np.prod(np.exp(log)) ** (1 / len(log))
        return float(np.mean([p(one) for one in wrong]) / p(right))

    def test(n, m, shift):
        a, b = draw.normal(size=n).round(6), (draw.normal(size=m) + shift).round(6)
        return {"a": a.tolist(), "b": b.tolist(), "p": float(ks_2samp(a, b, method="exact").pvalue)}

    cases = [(logs(), [logs() for _ in range(draw.integers(1, 6))]) for _ in range(20)]
    sizes = [(1, 1, 0), (2, 5, 1), (7, 7, 0.5), (12, 9, 0), (20, 20, 1), (31, 17, 0.7), (40, 40, 2), (25, 60, 0.3)]
    document = {
        "ratios": [{"right": right, "wrong": wrong, "ratio": ratio(right, wrong)} for right, wrong in cases],
        "tests": [test(*size) for size in sizes],
    }
    out = pathlib.Path(__file__).resolve().parents[2] / "assets/parity/truth.json"
    out.write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()

"""Writes assets/parity/accountant.csv: (epsilon, delta) of DP-SGD by Opacus's RDPAccountant over a grid.

    .venv/bin/pip install opacus
    .venv/bin/python tools/parity/accountant.py
"""

import pathlib
import warnings

import opacus
from opacus.accountants import RDPAccountant

RATES = [0.0005, 0.005, 0.02, 0.1, 0.4, 1.0]
SIGMAS = [0.5, 0.8, 1.1, 2.0, 6.0]
STEPS = [1, 40, 1000, 20000]
DELTAS = [1e-3, 1e-5, 1e-7]


def main():
    # A best order at the end of the list is what the program finds too.
    warnings.simplefilter("ignore")
    lines = [f"# Opacus {opacus.__version__}, RDPAccountant.get_privacy_spent, default orders",
        "rate,sigma,steps,delta,epsilon,order"]
    for rate in RATES:
        for sigma in SIGMAS:
            for steps in STEPS:
                for delta in DELTAS:
                    accountant = RDPAccountant()
                    accountant.history = [(sigma, rate, steps)]
                    epsilon, order = accountant.get_privacy_spent(delta=delta)
                    lines.append(f"{rate},{sigma},{steps},{delta},{epsilon!r},{order!r}")
    out = pathlib.Path(__file__).resolve().parents[2] / "assets/parity/accountant.csv"
    out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

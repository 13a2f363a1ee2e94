#!/usr/bin/env python3
"""Times per-record and second-order quantities of LeNet-5 and an MLP by PyTorch, Opacus and BackPACK on the CPU, as
multiples of a mean-gradient pass over the same records.

    python tools/parity/peer_ratios.py [--records 10000] [--batches 64 256] [--rounds 5] [--threads 2] [--json FILE]

Every method runs once a round, in turn, after the mean gradient of the same batches; a ratio is taken within a round,
and the median over the rounds is printed with the smallest and the largest. A pass that would take longer than
--seconds runs over fewer records and is scaled (the column `of` says how many). Before it is timed, each method must
agree with the float64 of curvature_truth.py on a few records. Run it on a quiet machine: what other processes took
meanwhile is printed, and figures taken under load are worthless. Needs backpack-for-pytorch and opacus.
"""

import argparse
import json
import os
import sys
import time
import warnings
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from curvature_truth import dense_problem, flat, quantities  # noqa: E402
from peer_methods import METHODS, NETS, SAMPLED  # noqa: E402

CHECKED = 4  # records that a method's result is compared on
TOLERANCE = 1e-4
TRAINING_STEPS = 60
PER_RECORD = ("per-sample gradients", "norms")
QUIET = 0.1  # cores that others may take


def records(count):
    """Ten prototypes and noise, 1x28x28 in 0..1."""
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.rand(10, 1, 28, 28, generator=generator)
    y = torch.randint(0, 10, (count,), generator=generator)
    return (0.6 * prototypes[y] + 0.4 * torch.rand(count, 1, 28, 28, generator=generator)).contiguous(), y


def trained(make, x, y):
    """A little trained, so that gradients are of ordinary size; in evaluation mode."""
    torch.manual_seed(1)
    net = make()
    step = torch.optim.SGD(net.parameters(), lr=0.05)
    for at in range(TRAINING_STEPS):
        i = at * 64 % max(1, len(x) - 64)
        step.zero_grad()
        F.cross_entropy(net(x[i : i + 64]), y[i : i + 64]).backward()
        step.step()
    return net.eval()


def truth(net, x, y, u):
    """{quantity: flat float64 tensor} of a few records."""
    problem = dense_problem(deepcopy(net).double(), x.double(), y)
    tensors, _ = quantities(problem, {n: v.double() for n, v in u.items()})
    rows = flat(problem.per_sample(), 1)
    along = {q: torch.cat([v.flatten() for k, v in tensors.items() if k.startswith(f"{q}.")])
             for q in ("ggn_diag", "hvp", "gvp")}
    return {
        "mean gradient": rows.mean(0), "per-sample gradients": rows, "Fisher diagonal": rows.square().sum(0),
        "norms": rows.norm(dim=1), "Gauss-Newton diagonal": along["ggn_diag"], "Hessian product": along["hvp"],
        "Gauss-Newton product": along["gvp"],
    }


def check(title, found, want):
    if isinstance(found, torch.Tensor):
        got = found
    else:
        got = torch.cat([t.detach().flatten(want.dim() - 1) for t in found], dim=-1)
    error = ((got.double() - want).norm() / want.norm()).item()
    if not error <= TOLERANCE:
        sys.exit(f"{title}: {error:.1e} off the float64 of torch.func: it does not compute what it is timed for")


def busy():
    """CPU seconds that the whole machine and this process have used."""
    fields = [int(v) for v in Path("/proc/stat").read_text().split("\n")[0].split()[1:8]]
    own = os.times()
    return (sum(fields[:3]) + sum(fields[5:7])) / os.sysconf("SC_CLK_TCK"), own.user + own.system


def one_pass(quantity, method, x, y, batch, batches):
    """(seconds a record, cores that others took) of a pass over so many batches. What is one a record is handed over
    batch by batch, the rest is summed over the batches."""
    total, (all_before, own_before), start, done = None, busy(), time.perf_counter(), 0
    for i in range(0, min(len(x), batches * batch), batch):
        found = method(x[i : i + batch], y[i : i + batch])
        done += len(x[i : i + batch])
        if quantity in PER_RECORD:
            continue
        if total is None:
            total = [t.clone() for t in found]
        else:
            for t, f in zip(total, found):
                t += f
    seconds = time.perf_counter() - start
    all_after, own_after = busy()
    return seconds / done, max(0.0, (all_after - all_before) - (own_after - own_before)) / seconds


def prepared(net, x, y, batch, seconds):
    """[(quantity, implementation, method, batches a pass)]: each method checked, warmed and sized."""
    generator = torch.Generator().manual_seed(2)
    u = {n: torch.rand(p.shape, generator=generator) * 2 - 1 for n, p in net.named_parameters()}
    few, want, out = (x[:CHECKED], y[:CHECKED]), truth(net, x[:CHECKED], y[:CHECKED], u), []
    for quantity, implementation, make in METHODS:
        method = make(net, u)
        found = method(*few)
        if quantity in want and not implementation.endswith(SAMPLED):
            check(f"{quantity} by {implementation}", found, want[quantity])
        del found
        method(x[:batch], y[:batch])
        start = time.perf_counter()
        method(x[:batch], y[:batch])
        each = time.perf_counter() - start
        out.append((quantity, implementation, method, min(-(-len(x) // batch), max(2, int(seconds / each)))))
    return out


def measure(title, net, x, y, batch, options):
    methods = prepared(net, x, y, batch, options.seconds)
    times, foreign = [[] for _ in methods], []
    for turn in range(options.rounds):
        order = [0] + [1 + (i + turn) % (len(methods) - 1) for i in range(len(methods) - 1)]
        for at in order:
            each, others = one_pass(methods[at][0], methods[at][2], x, y, batch, methods[at][3])
            times[at].append(each)
            foreign.append(others)
    rows = []
    for (quantity, implementation, _, batches), found in zip(methods, times):
        ratios = [t / base for t, base in zip(found, times[0])]
        rows.append({
            "net": title, "batch": batch, "quantity": quantity, "implementation": implementation,
            "ratio": median(ratios), "smallest": min(ratios), "largest": max(ratios),
            "seconds": median(found) * len(x), "of": min(len(x), batches * batch),
        })
    return rows, foreign


def table(rows, count):
    print("| quantity | implementation | × mean gradient | smallest … largest | seconds | of |")
    print("| --- | --- | --- | --- | --- | --- |")
    for r in rows:
        spread = f"{r['smallest']:.2f} … {r['largest']:.2f}"
        print(f"| {r['quantity']} | {r['implementation']} | {r['ratio']:.2f} | {spread} "
              f"| {r['seconds']:.3g} | {'all' if r['of'] == count else r['of']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256], help="batch sizes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="longest pass of a method in a round")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(options.threads)
    versions = ", ".join(f"{p} {version(p).split('+')[0]}" for p in ("torch", "backpack-for-pytorch", "opacus"))
    print(f"{versions}; CPU, {options.threads} threads; {options.records} records; medians of {options.rounds} rounds")
    print("`seconds` is for all records; a pass over fewer (`of`) is scaled.")
    x, y = records(options.records)
    rows, foreign = [], []
    for title, make in NETS.items():
        net = trained(make, x, y)
        for batch in options.batches:
            found, others = measure(title, net, x, y, batch, options)
            print(f"\n{title}, batch {batch}\n")
            table(found, options.records)
            rows, foreign = rows + found, foreign + others
    loud = sum(f > QUIET for f in foreign)
    passes = f"more than {QUIET} in {loud} of {len(foreign)} passes"
    print(f"\nOther processes took {median(foreign):.2f} cores (median), {passes}.")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

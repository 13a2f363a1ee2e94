#!/usr/bin/env python3
"""What weights of classes do to recall and precision of the rare class, here and in PyTorch, on Adult.

    python tools/parity/class_weights.py ADULT [--program target/release/unlearn]

ADULT is a folder with `adult.data` and `adult.test` of the UCI repository. The same network (105 or so features, 16
units) starts from the same weights and takes the same full-batch steps of Adam in the program and in PyTorch's float64,
without weights, with `balanced` ones and with a weight of 8. Exit code 1: recall or precision differ by more than half
a point, or weights do not move the recall by 10.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

TRAIN, TEST, STEPS, RATE = 4000, 4000, 120, 0.02
APART, MOVED = 0.005, 0.1

CONFIG = """
seed = 1
init = "start.pt"
[data]
loader = "npz"
path = "adult.npz"
normalize = "none"
[model]
layers = [{{ type = "linear", name = "fc1", out = 16 }}, {{ type = "relu" }}, {{ type = "linear", name = "fc2" }}]
[train]
optimizer = "adam"
lr = {rate}
batch_size = {batch}
epochs = {steps}
{weights}
"""


def table(folder):
    """Numbers to mean 0 and spread 1, categories as 0/1, and whether the income is above 50 000."""
    rows = []
    for name, count in (("adult.data", TRAIN), ("adult.test", TEST)):
        lines = (folder / name).read_text().splitlines()
        cells = [[cell.strip() for cell in line.split(",")] for line in lines]
        rows.append([row for row in cells if len(row) == 15][:count])
    train, test = rows
    numeric = [at for at in range(14) if train[0][at].lstrip("-").isdigit()]
    known = {at: sorted({row[at] for row in train}) for at in range(14) if at not in numeric}

    def encode(part):
        columns = []
        for at in range(14):
            if at in numeric:
                fit = np.array([float(row[at]) for row in train])
                columns.append((np.array([float(row[at]) for row in part])[:, None] - fit.mean()) / fit.std())
            else:
                columns.append(np.array([[row[at] == word for word in known[at]] for row in part]))
        labels = np.array([row[14].startswith(">50K") for row in part])
        return np.concatenate(columns, 1).astype(np.float32), labels.astype(np.int64)

    return encode(train), encode(test)


def rates(predicted, y):
    """Recall and precision of class 1."""
    right = ((predicted == 1) & (y == 1)).sum()
    return right / (y == 1).sum(), right / max((predicted == 1).sum(), 1)


def peer(start, x, y, test, weights):
    net = nn.Sequential(nn.Linear(x.shape[1], 16), nn.ReLU(), nn.Linear(16, 2)).double()
    net.load_state_dict({f"{2 * (int(k[2]) - 1)}{k[3:]}": v.double() for k, v in start.items()})
    x, y = torch.from_numpy(x).double(), torch.from_numpy(y)
    steps = torch.optim.Adam(net.parameters(), lr=RATE)
    for _ in range(STEPS):
        steps.zero_grad()
        F.cross_entropy(net(x), y, weight=None if weights is None else torch.tensor(weights).double()).backward()
        steps.step()
    with torch.no_grad():
        return net(torch.from_numpy(test).double()).argmax(1).numpy()


def ours(program, folder, name, keys):
    (folder / "c.toml").write_text(CONFIG.format(rate=RATE, batch=TRAIN, steps=STEPS, weights=keys))
    for words in (["train", "c.toml", "--out", name], ["predict", name, "--on", "test", "--out", f"{name}.npz"]):
        done = subprocess.run([program, *words, "--quiet"], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(words)}: exit {done.returncode}\n{done.stderr}")
    return np.load(folder / f"{name}.npz")["logits"].argmax(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adult", type=Path)
    parser.add_argument("--program", default="unlearn")
    args = parser.parse_args()
    program = str(Path(args.program).resolve()) if Path(args.program).exists() else args.program
    (x, y), (x_test, y_test) = table(args.adult)
    share = np.bincount(y) / len(y)
    print(f"{len(x)} records of {x.shape[1]} features, {100 * share[1]:.1f} % of class 1; of {len(x_test)} others:")
    torch.manual_seed(2)
    fc1, fc2 = nn.Linear(x.shape[1], 16), nn.Linear(16, 2)
    start = {f"{name}.{k}": v for name, layer in (("fc1", fc1), ("fc2", fc2)) for k, v in layer.state_dict().items()}
    settings = {
        "none": ("", None),
        "balanced": ('class_weights = "balanced"', (1 / (2 * share)).tolist()),
        "eight": ("class_weights = [1.0, 8.0]", [1.0, 8.0]),
    }
    good, recalls = True, {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        torch.save(start, folder / "start.pt")
        np.savez(folder / "adult.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
        for name, (keys, weights) in settings.items():
            here = rates(ours(program, folder, name, keys), y_test)
            there = rates(peer(start, x, y, x_test, weights), y_test)
            apart = max(abs(a - b) for a, b in zip(here, there))
            good &= apart <= APART
            recalls[name] = here[0]
            print(f"  weights {name:<9} recall {here[0]:.4f} (PyTorch {there[0]:.4f}), "
                  f"precision {here[1]:.4f} ({there[1]:.4f})")
    good &= all(recalls[name] - recalls["none"] > MOVED for name in ("balanced", "eight"))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

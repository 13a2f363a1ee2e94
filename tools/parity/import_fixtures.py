#!/usr/bin/env python3
"""Writes the files of tests/shared/import: what `torch.save` makes of two small networks, as a stranger would save
them, and logits that PyTorch gave in float64 for the records `x` beside them.

    python tools/parity/import_fixtures.py

lenet.pt   the tutorial's LeNet, for the digits that come with the program: a state dict in float32
mlp.pt     a checkpoint of a network in DataParallel with batches counted, an optimiser's state, float64
half.pt    the same network's state dict in bfloat16 (weights) and float16 (biases)
"""

import gzip
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "shared" / "import"


class LeNet(nn.Module):
    """https://pytorch.org/tutorials/beginner/blitz/neural_networks_tutorial.html, narrower."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc1 = nn.Linear(16, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))


def digits():
    with gzip.open(ROOT / "assets/data/digits/digits.csv.gz", "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",")
    return torch.tensor(table[:, :-1] / 16.0).reshape(-1, 1, 8, 8).float(), torch.tensor(table[:, -1]).long()


def train(model, x, y, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    return optimizer


def logits(model, x):
    with torch.no_grad():
        return model.double().eval()(x.double()).numpy()


def main():
    torch.manual_seed(7)
    OUT.mkdir(parents=True, exist_ok=True)
    x, y = digits()
    lenet = LeNet()
    train(lenet, x, y, 12, 3e-3)
    torch.save(lenet.state_dict(), OUT / "lenet.pt")
    np.savez_compressed(OUT / "lenet.npz", x=x[:64].numpy(), logits=logits(lenet, x[:64]))

    mlp = nn.Sequential(OrderedDict(fc1=nn.Linear(64, 12), act=nn.Tanh(), fc2=nn.Linear(12, 10))).double()
    wrapped = nn.DataParallel(mlp, device_ids=[])
    rows = x.reshape(-1, 64).double()
    optimizer = train(wrapped, rows, y, 3, 1e-2)
    state = wrapped.state_dict()
    state["module.bn.num_batches_tracked"] = torch.tensor(87)
    torch.save({"epoch": 3, "best": 0.25, "args": {"lr": 0.01, "names": ["a", "b"]}, "model_state_dict": state,
                "optimizer": optimizer.state_dict()}, OUT / "mlp.pt")
    np.savez_compressed(OUT / "mlp.npz", x=rows[:64].numpy(), logits=logits(mlp, rows[:64]))

    narrow = {"bias": torch.float16, "weight": torch.bfloat16}
    half = OrderedDict((name, v.to(narrow[name.split(".")[-1]])) for name, v in mlp.state_dict().items())
    # As a view: transposed, and the transposition of that.
    half["fc2.weight"] = half["fc2.weight"].t().contiguous().t()
    torch.save(half, OUT / "half.pt")
    mlp.load_state_dict(OrderedDict((name, v.double()) for name, v in half.items()))
    np.savez_compressed(OUT / "half.npz", x=rows[:16].numpy(), logits=logits(mlp, rows[:16]))
    print({path.name: path.stat().st_size for path in sorted(OUT.iterdir())})
    print("accuracy", float((lenet.float()(x).argmax(1) == y).float().mean()))


if __name__ == "__main__":
    main()

"""A tabular network of PyTorch from a run with embeddings of categories: the same columns, the same logits.

    python examples/tabular.py RUN TABLE.csv [SKIPPED LINES]

RUN has [[model.inputs]] of its numbers and of each category (`emb`), then fc1, bn1 and fc2. The table is encoded by
what the run has fitted, without the program, and the module's logits are compared with the program's.
"""

import sys

import numpy as np
import torch
from torch import nn

import unfit
from unfit import encode


class Tabular(nn.Module):
    """Numbers as they are and a vector for each category, then two dense layers."""

    def __init__(self, encoder, width=8, hidden=64):
        super().__init__()
        sizes = {c["column"]: len(c["categories"]) for c in encoder["columns"] if c["kind"] == "categorical"}
        numbers = sum(1 + c["indicator"] for c in encoder["columns"] if c["kind"] == "numeric")
        self.emb = nn.ModuleDict({name: nn.Embedding(size, width) for name, size in sizes.items()})
        self.fc1 = nn.Linear(numbers + width * len(sizes), hidden)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, len(encoder["class_names"]))

    def forward(self, numbers, codes):
        # A category that training has not seen has no vector: 0.
        parts = [self.emb[name](code.clamp(min=0)) * (code >= 0).unsqueeze(1) for name, code in codes.items()]
        x = self.bn1(self.fc1(torch.cat([numbers, *parts], 1)))
        return self.fc2(torch.relu(x))


def main():
    run, table, skipped = sys.argv[1], sys.argv[2], int((sys.argv[3:] or ["0"])[0])
    encoder = unfit.encoder(run)
    columns = encode.read(encoder, table, skipped)
    ranges = [range(*c["features"]) for c in encoder["columns"] if c["kind"] == "numeric"]
    numbers = encode.encode(encoder, columns)[:, [at for one in ranges for at in one]]
    codes = {name: torch.from_numpy(code) for name, code in encode.codes(encoder, columns).items()}
    model = unfit.to_torch(run, Tabular(encoder)).eval()
    with torch.no_grad():
        logits = model(torch.from_numpy(numbers), codes).numpy()
    y = encode.labels(encoder, columns)
    said = unfit.predict(run, table if skipped == 0 else "test").logits
    apart = np.abs(logits - said).max() / np.abs(said).max()
    accuracy = (logits.argmax(1) == y).mean()
    print(f"{len(y)} records, {accuracy:.2%} as labelled; logits differ by {apart:.1e} of the largest at most")
    return 0 if apart <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())

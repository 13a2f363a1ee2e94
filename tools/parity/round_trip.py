#!/usr/bin/env python3
"""Carries networks of PyTorch to the program and back, and compares with PyTorch in float64.

    python tools/parity/round_trip.py CIFAR.bin [lenet resnet20 resnet18 bag] [--program target/release/unlearn] [--few]

CIFAR.bin holds records of CIFAR-10's binary format (a label, 3072 bytes), gzip or not; `bag`, an EmbeddingBag with a
linear layer, takes texts that are drawn. Each network is trained for a
few steps in PyTorch, saved by torch.save, imported with its logits checked; then loss, mean gradient and Fisher
diagonal of some records, ten full-batch steps in training form, a class and ten records forgotten by ssd and by
finetune, safetensors loaded strictly, and ONNX in onnxruntime. --few takes a tenth of the records and one epoch, for
a large network on a slow adapter. Exit code 1: something differs by more than allowed.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from torch_model import per_sample_gradients, relative_error  # noqa: E402
from torch_zoo import NETWORKS, texts  # noqa: E402

TRAIN, TEST = 500, 100
FEW = 50, 20  # the same of --few
ALLOWED, ALLOWED_ONNX = 1e-4, 1e-5
STATISTICS = 6  # records of the mean gradient and the Fisher diagonal
# Of the steps in training form. PyTorch's own float32 is 7e-4 from its float64 at a rate of 0.02, 3e-6 at 0.001.
BATCH, STEPS, RATE = 60, 10, 0.001

DATA = """
[data]
loader = "npz"
path = "{path}"
normalize = "{normalize}"
"""


def data_table(path, table):
    return DATA.format(path=path, normalize="row" if "embedding" in table else "none")


class Desk:
    """A folder, the program, and what was found too far apart."""

    def __init__(self, folder, program):
        self.folder, self.program, self.faults = Path(folder), program, 0

    def run(self, *words):
        command = [self.program, *map(str, words), "--quiet"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def near(self, what, error, allowed=ALLOWED):
        good = error <= allowed
        self.faults += not good
        print(f"  {what:<44} {error:9.2e}  {'ok' if good else f'MORE THAN {allowed:.0e}'}")


def records(path, count):
    """Pictures scaled to about unit size and labels, the first of the file."""
    raw = Path(path).read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    rows = np.frombuffer(raw, np.uint8).reshape(-1, 3073)[:count]
    x = ((rows[:, 1:].reshape(-1, 3, 32, 32) / 255.0 - 0.47) / 0.25).astype(np.float32)
    return x, rows[:, 0].astype(np.int64)


def train_a_little(net, x, y):
    """Twelve steps in training form, so that running statistics and weights are no defaults."""
    net.train()
    steps = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    batch = len(x) // 5
    for i in range(12):
        at = slice(i % 4 * batch, i % 4 * batch + batch)
        steps.zero_grad()
        F.cross_entropy(net(x[at]), y[at]).backward()
        steps.step()
    return net


def logits(net, x):
    with torch.no_grad():
        return torch.cat([net(part) for part in x.split(50)])


def statistics(desk, net, x, y):
    """Loss, mean gradient and Fisher diagonal of a few records, in evaluation form."""
    rows = list(per_sample_gradients(net, x[:STATISTICS], y[:STATISTICS]))
    for kind in ("mean", "fisher"):
        desk.run("gradients", "run", "--kind", kind, "--indices", f"0..{STATISTICS}", "--out", f"{kind}.safetensors")
        ours, worst = load_file(desk.folder / f"{kind}.safetensors"), 0.0
        for name, _ in net.named_parameters():
            each = torch.stack([grads[name] for grads, _, _ in rows])
            theirs = (each.square() if kind == "fisher" else each).mean(0)
            worst = max(worst, relative_error(ours[name], theirs))
        desk.near(f"{kind} of {STATISTICS} records, {len(ours)} tensors", worst)


def training(desk, make, start, table, x, y):
    """Ten full-batch steps of both, from the same weights: the losses before each."""
    np.savez(desk.folder / "few.npz", x_train=x[:BATCH], y_train=y[:BATCH], x_test=x[:2], y_test=y[:2])
    recipe = f'[train]\nlr = {RATE}\nmomentum = 0.9\nbatch_size = {BATCH}\nepochs = {STEPS}\n'
    (desk.folder / "few.toml").write_text(f'seed = 1\ninit = "model.pt"\n{table}{data_table("few.npz", table)}{recipe}')
    desk.run("train", "few.toml", "--out", "few")
    lines = (desk.folder / "few/metrics.jsonl").read_text().splitlines()
    ours = [json.loads(line)["loss"] for line in lines]
    net = make().double().train()
    net.load_state_dict(start)
    few, labels = torch.from_numpy(x[:BATCH]).double(), torch.from_numpy(y[:BATCH])
    steps, theirs = torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9), []
    for _ in range(STEPS):
        steps.zero_grad()
        loss = F.cross_entropy(net(few), labels)
        theirs.append(loss.item())
        loss.backward()
        steps.step()
    gaps = [abs(a - b) / b for a, b in zip(ours, theirs, strict=True)]
    desk.near(f"loss of ten steps, {theirs[0]:.3f} to {theirs[-1]:.3f}", max(gaps))
    after = load_file(desk.folder / "few/model.safetensors")
    running = {k: relative_error(after[k], v) for k, v in net.state_dict().items() if "running" in k}
    if running:
        desk.near("running statistics behind them", max(running.values()))


def there_and_back(desk, make, run, x):
    """The run's weights in PyTorch, strictly, and its logits by both and by onnxruntime."""
    desk.run("predict", run, "--on", "test", "--out", f"{run}.npz")
    said = torch.from_numpy(np.load(desk.folder / f"{run}.npz")["logits"])
    net = make()
    net.load_state_dict(load_file(desk.folder / run / "model.safetensors"), strict=True)
    theirs = logits(net.double().eval(), x.double())
    desk.near(f"logits of {run}", relative_error(said, theirs))
    desk.run("export", run, "--onnx", f"{run}.onnx")
    import onnxruntime

    session = onnxruntime.InferenceSession(desk.folder / f"{run}.onnx")
    found = session.run(["logits"], {"input": x.numpy()})[0]
    desk.near(f"ONNX of {run}", relative_error(torch.from_numpy(found), theirs), ALLOWED_ONNX)


def carry(desk, name, x, y, train, epochs):
    make, table = NETWORKS[name]
    torch.manual_seed(5)
    net = train_a_little(make(), torch.from_numpy(x[:train]), torch.from_numpy(y[:train]))
    torch.save(net.state_dict(), desk.folder / "model.pt")
    start = {k: v.double() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    net = net.double().eval()
    test = torch.from_numpy(x[train:])
    np.savez(desk.folder / "logits.npz", logits=logits(net, test.double()).numpy())
    np.savez(desk.folder / "all.npz", x_train=x[:train], y_train=y[:train], x_test=x[train:], y_test=y[train:])
    recipe = f"[train]\nlr = 0.05\nbatch_size = {train // 5}\nepochs = {epochs}\n"
    (desk.folder / "c.toml").write_text(f'seed = 1\n{table}{data_table("all.npz", table)}{recipe}')
    desk.run("import", "model.pt", "--config", "c.toml", "--out", "run", "--check", "logits.npz")
    statistics(desk, net, torch.from_numpy(x).double(), torch.from_numpy(y))
    training(desk, make, start, table, x, y)
    there_and_back(desk, make, "run", test)
    ids = ",".join(map(str, range(20, 30)))
    asked = {"class": '"kind":"class","ids":[3]', "ten": f'"kind":"sample","ids":[{ids}]'}
    for who, request in asked.items():
        (desk.folder / f"{who}.jsonl").write_text(f'{{"request_id":"{who}",{request}}}\n')
        for method in ("ssd", "finetune"):
            out = f"{method}-{who}"
            # A run that came out unchanged or destroyed is a run that goes back as well.
            words = ["--request", f"{who}.jsonl", "--method", method, "--out", out, "--allow-fail"]
            desk.run("forget", "run", *words)
            there_and_back(desk, make, out, test)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("networks", nargs="*", default=[], help=f"of {', '.join(NETWORKS)}; none: all")
    parser.add_argument("--program", default="unlearn")
    parser.add_argument("--few", action="store_true", help=f"{FEW[0]} records and one epoch")
    args = parser.parse_args()
    (train, test), epochs = (FEW, 1) if args.few else ((TRAIN, TEST), 2)
    pictures, drawn = records(args.pictures, train + test), texts(train + test)
    faults = 0
    for name in args.networks or NETWORKS:
        print(name)
        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(folder, args.program)
            carry(desk, name, *(drawn if name == "bag" else pictures), train, epochs)
            faults += desk.faults
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

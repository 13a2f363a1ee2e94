"""Learning rates of PyTorch's schedulers, step by step, for assets/parity/schedules.json.

Each case is a [train] table of ours, the steps of an epoch, and what PyTorch's schedulers give for the same.
Usage: python tools/parity/schedules.py
"""
import json
import pathlib

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, MultiStepLR, OneCycleLR, SequentialLR


def rates(lr, steps, make):
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=lr, momentum=0.9)
    scheduler = make(optimizer)
    out = []
    for _ in range(steps):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return out


def warm(optimizer, warmup, make):
    first = LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
    return SequentialLR(optimizer, [first, make(optimizer)], milestones=[warmup])


def cases():
    constant = lambda o: LambdaLR(o, lambda _: 1.0)
    yield 'lr = 0.1\nepochs = 4\nschedule = "cosine"', 7, 28, lambda o: CosineAnnealingLR(o, 28)
    yield ('lr = 0.1\nepochs = 4\nschedule = "cosine"\nwarmup_steps = 5', 7, 28,
           lambda o: warm(o, 5, lambda o: CosineAnnealingLR(o, 23)))
    yield 'lr = 0.3\nepochs = 3\nwarmup_epochs = 1.5', 4, 12, lambda o: warm(o, 6, constant)
    yield ('lr = 0.2\nepochs = 6\nschedule = "step"\nmilestones = [2, 3.5, 3.5]\ngamma = 0.2', 4, 24,
           lambda o: MultiStepLR(o, [8, 14, 14], gamma=0.2))
    yield ('lr = 0.2\nepochs = 6\nschedule = "step"\nmilestones = [2, 4]\nwarmup_epochs = 1', 5, 30,
           lambda o: warm(o, 5, lambda o: MultiStepLR(o, [5, 15], gamma=0.1)))
    yield 'lr = 0.2\nepochs = 4\nschedule = "step"', 5, 20, lambda o: MultiStepLR(o, [10, 15], gamma=0.1)
    yield ('lr = 0.4\nepochs = 5\nschedule = "one_cycle"', 8, 40,
           lambda o: OneCycleLR(o, 0.4, total_steps=40, cycle_momentum=False))
    yield ('lr = 0.4\nepochs = 3\nschedule = "one_cycle"\none_cycle = { pct_start = 0.5, div_factor = 10, '
           'final_div_factor = 100 }', 7, 21,
           lambda o: OneCycleLR(o, 0.4, total_steps=21, pct_start=0.5, div_factor=10, final_div_factor=100,
                                cycle_momentum=False))


rows = [{"train": text, "per_epoch": each, "lr": rates(float(text.split()[2]), steps, make)}
        for text, each, steps, make in cases()]
path = pathlib.Path(__file__).parents[2] / "assets/parity/schedules.json"
path.write_text(json.dumps(rows, indent=1) + "\n")

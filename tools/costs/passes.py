#!/usr/bin/env python3
"""Seconds that PyTorch takes for as many sample passes as a training on the Purchase-like table, and as one deletion.

    tools/costs/passes.py PURCHASE.npz PASSES
"""

import sys
import time

import numpy
import torch

table, passes = numpy.load(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(1)
torch.set_num_threads(2)
x, y = torch.from_numpy(table["x"]), torch.from_numpy(table["y"])
model = torch.nn.Sequential(torch.nn.Linear(600, 128), torch.nn.Tanh(), torch.nn.Linear(128, 2))
sgd = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
done, began = 0, time.time()
while done < passes:
    for batch in torch.randperm(len(x)).split(16):
        if done >= passes:
            break
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        sgd.step()
        done += len(batch)
print(f"{done} sample passes in {time.time() - began:.2f} s")

"""Losses of PyTorch with weights of classes and smoothed labels, for assets/parity/weighted_loss.safetensors.

In float64: logits z [6, 4], labels y, weights w [4]; for each of the settings `plain`, `weights`, `smooth`, `both` the
losses of the records, the mean as CrossEntropyLoss has it, its gradient, each record's gradient, and the Gauss-Newton
product of a direction r. Usage: python tools/parity/weighted_loss.py
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

torch.manual_seed(3)
z = (3 * torch.randn(6, 4, dtype=torch.float64)).float().double()
# A confident right answer: what is left of its gradient is small.
z[1] = torch.tensor([30.0, 2.0, -5.0, 1.0])
y = torch.tensor([2, 0, 3, 1, 0, 2])
w = torch.tensor([0.5, 2.0, 0.25, 1.5], dtype=torch.float64)
r = torch.randn(6, 4, dtype=torch.float64).float().double()
out = {"z": z, "y": y, "w": w, "r": r}
for name, weight, smoothing in [("plain", None, 0.0), ("weights", w, 0.0), ("smooth", None, 0.1), ("both", w, 0.2)]:
    loss = lambda z: cross_entropy(z, y, weight=weight, label_smoothing=smoothing, reduction="none")
    mean = lambda z: cross_entropy(z, y, weight=weight, label_smoothing=smoothing)
    leaf = z.clone().requires_grad_()
    mean(leaf).backward()
    out[f"{name}.loss"], out[f"{name}.mean"], out[f"{name}.mean_gradient"] = loss(z), mean(z).reshape(1), leaf.grad
    leaf = z.clone().requires_grad_()
    loss(leaf).sum().backward()
    out[f"{name}.gradient"] = leaf.grad
    # The loss is convex in the logits and linear beyond the softmax: its Hessian in them is the curvature.
    out[f"{name}.product"] = torch.autograd.functional.hvp(lambda z: loss(z).sum(), z, r)[1]
path = pathlib.Path(__file__).parents[2] / "assets/parity/weighted_loss.safetensors"
save_file({k: v.contiguous() for k, v in out.items()}, path)

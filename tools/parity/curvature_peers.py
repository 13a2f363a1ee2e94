"""The same quantities by BackPACK and Opacus, where they know the layers, for dump_curvature.py to check itself by."""

import warnings
from copy import deepcopy

import torch
from torch import nn

from curvature_truth import distance
from torch_model import run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from backpack import backpack, extend
    from backpack.extensions import KFLR, DiagGGNExact
    from opacus import GradSampleModule

# Layers that DiagGGNExact and KFLR both pass through.
KNOWN = (nn.Linear, nn.Conv2d, nn.ReLU, nn.Sigmoid, nn.Tanh, nn.MaxPool2d, nn.Flatten)


def tail(model, x):
    """What stands behind the last layer that BackPACK does not know (a residual block, a norm): a Sequential of copies,
    its input, and the name of each of its layers in the network."""
    first = max((i + 1 for i, (_, part) in enumerate(model.plan) if not isinstance(part, KNOWN)), default=0)
    with torch.no_grad():
        x = run(model.plan[:first], x)
    names = {id(m): n for n, m in model.named_children()}
    layers = [part for _, part in model.plan[first:]]
    return nn.Sequential(*map(deepcopy, layers)), x, [names.get(id(part)) for part in layers]


def backpack_distances(model, x, labels, ours):
    """{quantity.tensor: distance} of BackPACK's DiagGGNExact and KFLR from ours, for the mean loss."""
    net, x, names = tail(model, x)
    net, loss = extend(net), extend(nn.CrossEntropyLoss(reduction="mean"))
    with backpack(DiagGGNExact(), KFLR()):
        loss(net(x), labels).backward()
    found = {}
    for key, parameter in net.named_parameters():
        at, kind = key.split(".")
        layer = names[int(at)]
        found[f"ggn_diag.{layer}.{kind}"] = distance(parameter.diag_ggn_exact, ours[f"ggn_diag.{layer}.{kind}"])
        factors = dict(zip(("kfac_g", "kfac_a"), parameter.kflr))
        for prefix, factor in factors.items():
            if f"{prefix}.{layer}" in ours:
                found[f"{prefix}.{layer} ({kind})"] = distance(factor, ours[f"{prefix}.{layer}"])
    return found


def opacus_norms(model, x, labels):
    """||g_n|| [R] from Opacus' per-sample gradients of the summed loss."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # No network has dropout, and the hooks want train().
        wrapped = GradSampleModule(deepcopy(model).train(), loss_reduction="sum")
        nn.functional.cross_entropy(wrapped(x), labels, reduction="sum").backward()
    squares = [p.grad_sample.flatten(1).square().sum(1) for p in wrapped.parameters()]
    return torch.stack(squares).sum(0).sqrt()

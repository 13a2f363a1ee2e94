"""What peer_ratios.py times: per-record and second-order quantities as PyTorch, Opacus and BackPACK offer them.

A method takes a batch and returns its quantity as a list of tensors in the order of the parameters (rows of per-sample
gradients, or sums and means over the batch), or as one tensor of norms.
"""

import warnings
from copy import deepcopy

import torch
from torch import nn
from torch.func import functional_call, grad, jvp, vjp, vmap
from torch.nn import functional as F

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from backpack import backpack, extend
    from backpack import extensions as bp
    from opacus import GradSampleModule
    from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import GradSampleModuleFastGradientClipping


def lenet5():
    """61 706 parameters on 1x28x28."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )


def mlp():
    """784-256-128-10, 235 146 parameters."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


NETS = {"LeNet-5": lenet5, "MLP 784-256-128-10": mlp}


def frozen(net):
    return {n: p.detach() for n, p in net.named_parameters()}


def squares(rows):
    return [r.square().sum(0) for r in rows]


def norms(rows):
    return torch.stack([r.flatten(1).square().sum(1) for r in rows]).sum(0).sqrt()


def mean_gradient(net, _):
    parameters = list(net.parameters())
    return lambda x, y: torch.autograd.grad(F.cross_entropy(net(x), y), parameters)


def by_vmap(then):
    def make(net, _):
        params = frozen(net)

        def one(p, x, y):
            return F.cross_entropy(functional_call(net, p, (x[None],)), y[None])

        each = vmap(grad(one), in_dims=(None, 0, 0))
        return lambda x, y: then(list(each(params, x, y).values()))

    return make


def by_opacus(then):
    def make(net, _):
        wrapped = GradSampleModule(deepcopy(net).train(), loss_reduction="sum")
        parameters = list(wrapped.parameters())

        def run(x, y):
            wrapped.zero_grad(set_to_none=True)
            F.cross_entropy(wrapped(x), y, reduction="sum").backward()
            out = then([p.grad_sample for p in parameters])
            for p in parameters:
                p.grad_sample = None
            return out

        return run

    return make


def ghost_norms(net, _):
    wrapped = GradSampleModuleFastGradientClipping(deepcopy(net).train(), loss_reduction="sum", use_ghost_clipping=True)

    def run(x, y):
        wrapped.zero_grad(set_to_none=True)
        F.cross_entropy(wrapped(x), y, reduction="sum").backward()
        return wrapped.get_norm_sample()

    return run


def by_backpack(extension, field, reduction="sum", then=lambda found: found):
    """The field that an extension leaves on each parameter."""

    def make(net, _):
        extended, loss = extend(deepcopy(net)), extend(nn.CrossEntropyLoss(reduction=reduction))
        parameters = list(extended.parameters())

        def run(x, y):
            extended.zero_grad(set_to_none=True)
            with backpack(extension()):
                loss(extended(x), y).backward()
            found = [getattr(p, field) for p in parameters]
            for p in parameters:
                delattr(p, field)
            return then(found)

        return run

    return make


def one_by_one(net, _):
    """Squares, one backward pass a record."""
    parameters = list(net.parameters())

    def run(x, y):
        total = [torch.zeros_like(p) for p in parameters]
        for i in range(len(x)):
            for t, g in zip(total, torch.autograd.grad(F.cross_entropy(net(x[i : i + 1]), y[i : i + 1]), parameters)):
                t.addcmul_(g, g)
        return total

    return run


def hessian_forward_over_reverse(net, u):
    params = frozen(net)

    def run(x, y):
        gradient = grad(lambda p: F.cross_entropy(functional_call(net, p, (x,)), y))
        return list(jvp(gradient, (params,), (u,))[1].values())

    return run


def hessian_double_backward(net, u):
    parameters, along = list(net.parameters()), list(u.values())

    def run(x, y):
        first = torch.autograd.grad(F.cross_entropy(net(x), y), parameters, create_graph=True)
        return torch.autograd.grad(first, parameters, along)

    return run


def gauss_newton(net, u):
    params = frozen(net)

    def run(x, _):
        def logits(p):
            return functional_call(net, p, (x,))

        z, jvp_u = jvp(logits, (params,), (u,))
        p = z.softmax(1)
        back = p * jvp_u - p * (p * jvp_u).sum(1, keepdim=True)
        return list(vjp(logits, params)[1](back / len(x))[0].values())

    return run


def same(found):
    return found


# (quantity, implementation, make). Quantities are checked against the float64 of curvature_truth.py before timing.
METHODS = [
    ("mean gradient", "torch.autograd", mean_gradient),
    ("per-sample gradients", "torch.func vmap(grad)", by_vmap(same)),
    ("per-sample gradients", "Opacus GradSampleModule", by_opacus(same)),
    ("per-sample gradients", "BackPACK BatchGrad", by_backpack(bp.BatchGrad, "grad_batch")),
    ("Fisher diagonal", "torch.func vmap(grad)", by_vmap(squares)),
    ("Fisher diagonal", "Opacus GradSampleModule", by_opacus(squares)),
    ("Fisher diagonal", "BackPACK SumGradSquared", by_backpack(bp.SumGradSquared, "sum_grad_squared")),
    ("Fisher diagonal", "batch of 1, one by one", one_by_one),
    ("norms", "torch.func vmap(grad)", by_vmap(norms)),
    ("norms", "Opacus GradSampleModule", by_opacus(norms)),
    ("norms", "Opacus ghost clipping's first pass", ghost_norms),
    ("norms", "BackPACK BatchL2Grad", by_backpack(bp.BatchL2Grad, "batch_l2",
        then=lambda s: torch.stack(s).sum(0).sqrt())),
    ("Gauss-Newton diagonal", "BackPACK DiagGGNExact", by_backpack(bp.DiagGGNExact, "diag_ggn_exact", "mean")),
    ("Gauss-Newton diagonal", "BackPACK DiagGGNMC, 1 sample", by_backpack(bp.DiagGGNMC, "diag_ggn_mc", "mean")),
    ("Hessian product", "torch.func jvp(grad)", hessian_forward_over_reverse),
    ("Hessian product", "torch.autograd twice", hessian_double_backward),
    ("Gauss-Newton product", "torch.func jvp, vjp", gauss_newton),
    ("Kronecker factors", "BackPACK KFLR", by_backpack(bp.KFLR, "kflr", "mean", lambda f: f[-1])),
    ("Kronecker factors", "BackPACK KFAC, 1 sample", by_backpack(bp.KFAC, "kfac", "mean", lambda f: f[-1])),
]
SAMPLED = ("1 sample",)  # drawn: there is nothing to compare with

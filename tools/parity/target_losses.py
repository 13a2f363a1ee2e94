"""Losses of PyTorch over targets in place of a class, for assets/parity/targets/*.safetensors.

In float64, for MSELoss, HuberLoss(delta=0.7) and BCEWithLogitsLoss, each with its default mean over records and
outputs: a network [9, 5] -> linear 7 -> tanh -> linear 3, targets t [9, 3], and of it at the first parameters the
outputs, each record's loss, the mean gradient, the Fisher diagonal (mean of squared gradients of the records' own
losses), and the Gauss-Newton product of a direction u; then the mean losses before each of ten steps of SGD (learning
rate 0.2, momentum 0.9) over all records. Parameters are laid one after the other, as PyTorch has them.
Usage: python tools/parity/target_losses.py
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.func import functional_call, jacrev, vmap

N, RATE, DELTA = 9, 0.2, 0.7
folder = pathlib.Path(__file__).parents[2] / "assets/parity/targets"
folder.mkdir(exist_ok=True)


def single(*shape):
    return torch.randn(*shape, dtype=torch.float64).float().double()


def of(name, seed, loss, targets):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)).double()
    for p in net.parameters():
        p.data = (1.5 * p.data).float().double()
    # Logits of 40 and more for one label: what is known well keeps the digits of its loss.
    if name == "binary_cross_entropy":
        net[2].bias.data[2] = 40.0
    x, t = single(N, 5), targets()
    theta = {k: v.detach() for k, v in net.named_parameters()}
    flat = lambda tree: torch.cat([tree[k].reshape(-1) for k in theta])
    own = lambda theta, x, t: loss(functional_call(net, theta, (x[None],)), t[None])
    each = vmap(jacrev(own), (None, 0, 0))(theta, x, t)
    rows = torch.stack([flat({k: v[i] for k, v in each.items()}) for i in range(N)])
    u = {k: single(*v.shape) for k, v in theta.items()}
    y = net(x).detach()
    jacobian = jacrev(lambda theta: functional_call(net, theta, (x,)))(theta)
    ju = sum((jacobian[k] * u[k]).flatten(2).sum(2) for k in theta)
    bent = torch.autograd.functional.hvp(lambda y: loss(y, t), y, ju)[1]
    product = {k: torch.einsum("no,no...->...", bent, jacobian[k]) for k in theta}
    out = {
        "x": x, "t": t, "theta": flat(theta), "u": flat(u), "outputs": y,
        "losses": vmap(own, (None, 0, 0))(theta, x, t), "gradient": rows.mean(0), "fisher": (rows**2).mean(0),
        "product": flat(product),
    }
    steps, sgd = [], torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9)
    for _ in range(10):
        sgd.zero_grad()
        mean = loss(net(x), t)
        steps.append(mean.detach())
        mean.backward()
        sgd.step()
    out["steps"] = torch.stack(steps)
    save_file({k: v.detach().contiguous() for k, v in out.items()}, folder / f"{name}.safetensors")


of("mean_squared_error", 5, nn.MSELoss(), lambda: 2 * single(N, 3))
of("huber", 6, nn.HuberLoss(delta=DELTA), lambda: 2 * single(N, 3))
of("binary_cross_entropy", 7, nn.BCEWithLogitsLoss(), lambda: (torch.rand(N, 3) < 0.6).double())

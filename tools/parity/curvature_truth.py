"""Per-record and second-order quantities of one fixture by torch.func, each by a second route where there is one.

dump_curvature.py writes what `quantities` returns; README.md beside this file defines every tensor.
"""

import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, jvp, vjp, vmap
from torch.nn import functional as F


class Problem:
    """A network, its parameters and its records, as plain functions of a {name: parameter}.

    `fixed`: the records' logits [R, C] of one forward pass; `labels` [R].
    """

    def __init__(self, model, fixed, labels, batch=None):
        self.model, self.fixed, self.labels, self.batch = model, fixed, labels, batch
        self.params = {n: p.detach().clone() for n, p in model.named_parameters()}

    def logits(self, params):
        return self.fixed(params)

    def losses(self, params):
        return F.cross_entropy(self.logits(params), self.labels, reduction="none")

    def mean_loss(self, params):
        return self.losses(params).mean()

    def per_sample(self):
        """{name: [R, ...]}: vmap(grad) where records stand alone, rows of the Jacobian of the losses elsewhere."""
        if self.batch is None:
            return jacrev(self.losses)(self.params)

        def one(params, x, y):
            return F.cross_entropy(functional_call(self.model, params, (x[None],)), y[None])

        return vmap(grad(one), in_dims=(None, 0, 0))(self.params, self.batch, self.labels)


def dense_problem(model, x, labels):
    return Problem(model, lambda params: functional_call(model, params, (x,)), labels, x)


def graph_problem(model, given, rows, labels):
    """Records are `rows` of the logits: training nodes, or graphs. `given`: the arguments of the network."""
    return Problem(model, lambda params: functional_call(model, params, given)[rows], labels)


def flat(tensors, lead=0):
    """[*lead axes, P]: the tensors side by side, in the order of the dict."""
    return torch.cat([t.flatten(lead) for t in tensors.values()], dim=lead)


def unflat(vector, like):
    parts = vector.split([t.numel() for t in like.values()])
    return {n: part.view_as(t) for (n, t), part in zip(like.items(), parts)}


def loss_hessians(logits):
    """[R, C, C]: diag(p) - p pT, the Hessian of each record's cross-entropy in its logits."""
    p = logits.softmax(1)
    return torch.diag_embed(p) - p[:, :, None] * p[:, None, :]


def median(values):
    """The middle value, or the mean of the two middle ones, on the float32 grid: both sides clip at the same norm."""
    return values.quantile(0.5).to(torch.float32).to(values.dtype)


def quantities(problem, direction, clip=None):
    """{tensor: value}, and {tensor: relative distance of its second route}. `clip`: default the median norm."""
    params, count = problem.params, len(problem.labels)
    out, routes = {}, {}
    per_sample = problem.per_sample()
    g, u = flat(per_sample, 1), flat(direction)
    out["norms"], out["gram"] = g.norm(dim=1), g @ g.T
    clip = median(out["norms"]) if clip is None else clip
    out["clip"] = clip.reshape(1)
    factors = (clip / out["norms"]).clamp(max=1.0)
    clipped = unflat((factors[:, None] * g).mean(0), params)

    logits = problem.logits(params).detach()
    jacobian = flat(jacrev(problem.logits)(params), 2)
    hessians = loss_hessians(logits)
    routes["gram"] = distance(out["gram"], gram_of(jacobian, logits, problem.labels))

    out["jvp"] = jvp(problem.logits, (params,), (direction,))[1]
    out["dots"] = jvp(problem.losses, (params,), (direction,))[1]
    routes["jvp"], routes["dots"] = distance(out["jvp"], jacobian @ u), distance(out["dots"], g @ u)

    pull = vjp(problem.logits, params)[1]
    gvp = pull(torch.einsum("ncd,nd->nc", hessians, out["jvp"]) / count)[0]
    routes["gvp"] = distance(flat(gvp), torch.einsum("ncp,ncd,ndq,q->p", jacobian, hessians, jacobian, u) / count)
    hvp = jvp(grad(problem.mean_loss), (params,), (direction,))[1]
    again = vjp(grad(problem.mean_loss), params)[1](direction)[0]
    routes["hvp"] = distance(flat(hvp), flat(again))
    diagonal = torch.einsum("ncp,ncd,ndp->p", jacobian, hessians, jacobian) / count
    routes["ggn_diag"] = distance(diagonal, expected_squares(jacobian, logits))
    diagonal = unflat(diagonal, params)
    for prefix, tensors in {"clipped": clipped, "gvp": gvp, "hvp": hvp, "ggn_diag": diagonal}.items():
        out |= {f"{prefix}.{n}": t.detach() for n, t in tensors.items()}
    return {k: v.detach() for k, v in out.items()}, routes


def gram_of(jacobian, logits, labels):
    """Inner products of g_n = J_nT (p_n - onehot): what vmap(grad) must agree with."""
    residual = logits.softmax(1) - F.one_hot(labels, logits.shape[1])
    g = torch.einsum("ncp,nc->np", jacobian, residual)
    return g @ g.T


def expected_squares(jacobian, logits):
    """Mean over the records of E_{y ~ p}[(d loss(y))^2]: for cross-entropy it is the Gauss-Newton diagonal."""
    p, total = logits.softmax(1), 0.0
    for c in range(logits.shape[1]):
        residual = p - F.one_hot(torch.tensor(c), logits.shape[1])
        total = total + p[:, c, None] * torch.einsum("ncp,nc->np", jacobian, residual).square()
    return total.mean(0)


def distance(a, b):
    """max |a - b| / max |b|."""
    return ((a - b).abs().max() / b.abs().max()).item()


def kronecker_factors(problem, widest):
    """Factors of each linear and convolution layer, by their definition (README.md): kfac_a.L [in, in] (left out above
    `widest`, see the manifest), kfac_g.L [out, out], and kfc_g.L for a convolution. Returns (tensors, distances of the
    second routes, left out)."""
    layers = {n: m for n, m in problem.model.named_modules() if isinstance(m, (nn.Linear, nn.Conv2d))}
    inputs, outputs = forward_with(problem, layers, {})
    hessians, count = loss_hessians(problem.logits(problem.params)).detach(), len(problem.labels)
    out, routes, left = {}, {}, []
    for name, layer in layers.items():
        a = positions(layer, inputs[name])
        if a.shape[2] <= widest:
            out[f"kfac_a.{name}"] = torch.einsum("nti,ntj->ij", a, a) / count
        else:
            left.append(f"kfac_a.{name}")
        s = output_jacobian(problem, layers, name, outputs[name])
        summed = s.sum(-1)
        out[f"kfac_g.{name}"] = torch.einsum("nco,ncd,ndp->op", summed, hessians, summed) / count
        if isinstance(layer, nn.Conv2d):
            spread = torch.einsum("ncot,ncd,ndpt->op", s, hessians, s)
            out[f"kfc_g.{name}"] = spread / (count * s.shape[-1])
        for key, again in outer_factors_by_labels(problem, layers, name, outputs[name]).items():
            routes |= {key: distance(out[key], again)} if key in out else {}
    return {k: v.detach() for k, v in out.items()}, routes, left


def outer_factors_by_labels(problem, layers, name, output):
    """The outer factors as moments of the losses' gradients over the model's own labels, one backward pass a label."""
    shift = torch.zeros_like(output).requires_grad_()
    logits = forward_with(problem, layers, {name: shift})[1]["logits"]
    p, summed, spread = logits.softmax(1).detach(), 0.0, 0.0
    for c in range(logits.shape[1]):
        losses = F.cross_entropy(logits, torch.full((len(logits),), c), reduction="sum")
        s = torch.autograd.grad(losses, shift, retain_graph=True)[0].reshape(*output.shape[:2], -1)
        summed = summed + torch.einsum("n,no,np->op", p[:, c], s.sum(-1), s.sum(-1)) / len(p)
        spread = spread + torch.einsum("n,not,npt->op", p[:, c], s, s) / (len(p) * s.shape[-1])
    return {f"kfac_g.{name}": summed, f"kfc_g.{name}": spread}


def positions(layer, x):
    """[R, positions, in]: what each output position of the layer multiplies with its weight row."""
    if isinstance(layer, nn.Linear):
        return x[:, None, :]
    unfolded = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    return unfolded.transpose(1, 2)


def forward_with(problem, layers, shifts):
    """Inputs and outputs of `layers` in a forward pass, with `shifts` {layer: tensor} added to its output."""
    inputs, outputs, hooks = {}, {}, []
    for name, layer in layers.items():

        def hook(_, given, result, name=name):
            inputs[name] = given[0]
            outputs[name] = result + shifts[name] if name in shifts else result
            return outputs[name]

        hooks.append(layer.register_forward_hook(hook))
    outputs["logits"] = problem.logits(problem.params)
    for hook in hooks:
        hook.remove()
    return inputs, outputs


def output_jacobian(problem, layers, name, output):
    """[R, C, out, positions]: derivative of each record's logits in its own output of a layer."""

    def logits(shift):
        return forward_with(problem, layers, {name: shift})[1]["logits"].sum(0)

    jacobian = jacrev(logits)(torch.zeros_like(output))  # [C, R, out, ...]: records do not see one another
    return jacobian.transpose(0, 1).reshape(output.shape[0], -1, output.shape[1], output[0, 0].numel())

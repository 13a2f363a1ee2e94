"""Builds a PyTorch module from the `[model]` table of an `unlearn` config, with the same parameter names.

Shared by dump.py, check_state_dict.py and compare_gradients.py, and deliberately plain: every layer is PyTorch's
own module, so that what these scripts say is PyTorch's word and not a second implementation of ours.
"""

import tomllib
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

# Layers without parameters. `gelu` is the exact form (erf), PyTorch's default.
PLAIN = {
    "relu": lambda row: nn.ReLU(),
    "gelu": lambda row: nn.GELU(approximate="tanh" if row.get("approximate") == "tanh" else "none"),
    "tanh": lambda row: nn.Tanh(),
    "sigmoid": lambda row: nn.Sigmoid(),
    "elu": lambda row: nn.ELU(),
    "silu": lambda row: nn.SiLU(),
    "leaky_relu": lambda row: nn.LeakyReLU(row.get("slope", 0.01)),
    "softplus": lambda row: nn.Softplus(row.get("beta", 1.0), row.get("threshold", 20.0)),
    "hard_swish": lambda row: nn.Hardswish(),
    "relu6": lambda row: nn.ReLU6(),
    "identity": lambda row: nn.Identity(),
    "max_pool": lambda row: nn.MaxPool2d(row["kernel"], row.get("stride", row["kernel"]), row.get("padding", 0)),
    "avg_pool": lambda row: nn.AvgPool2d(row["kernel"], row.get("stride", row["kernel"]), row.get("padding", 0)),
    "global_avg_pool": lambda row: nn.AdaptiveAvgPool2d(1),
    "adaptive_avg_pool": lambda row: nn.AdaptiveAvgPool2d(row["size"]),
    "flatten": lambda row: nn.Flatten(),
    "dropout": lambda row: nn.Dropout(row.get("p", 0.5)),
}


# Where a layer's slope or bend jumps: no input may lie near.
KINKS = {"relu": (0.0,), "leaky_relu": (0.0,), "elu": (0.0,), "relu6": (0.0, 6.0), "hard_swish": (-3.0, 3.0)}


# Layers over the nodes of a graph: graph_model.py builds networks that hold one of them.
GRAPH_LAYERS = ("graph_conv", "sage_conv", "gat_conv", "gin_conv", "sgc", "cheb_conv", "gatv2_conv", "transformer_conv")


class ConfigError(Exception):
    """The config, or its mix with the data's shape, cannot be built; the message says what to change."""


class Net(nn.Module):
    """The layers of a config in order. Modules with parameters are registered under their own names, a dot for each
    module around them, also when they stand inside a residual block, so that `state_dict` has the names that
    `model.safetensors` has."""

    def __init__(self, layers, input_shape, classes):
        super().__init__()
        self.plan = []
        shape = self._build(layers, tuple(input_shape), self.plan, classes)
        if shape != (classes,):
            raise ConfigError(f"the model maps {tuple(input_shape)} to {shape}, but {classes} classes were expected")

    def _build(self, layers, shape, plan, classes):
        """Appends (kind, module or sub-plan) to `plan`; returns the shape of one record behind the layers."""
        for at, row in enumerate(layers):
            kind = row["type"]
            if kind == "residual":
                inner, beside = [], []
                after = self._build(row["layers"], shape, inner, None)
                around = self._build(row.get("shortcut", []), shape, beside, None)
                if after != around:
                    raise ConfigError(f"residual block: its layers map {shape} to {after}, its shortcut to {around}")
                plan.append(("residual", (inner, beside)))
                shape = after
                continue
            last = classes is not None and at == len(layers) - 1
            module = make_layer(row, shape, classes if last else None)
            if any(True for _ in module.parameters()):
                if "name" not in row:
                    raise ConfigError(f"layer {at} ({kind}) has parameters and needs a name")
                self._register(row["name"].split("."), module)
            plan.append((kind, module))
            shape = shape_after(module, shape)
        return shape

    def _register(self, path, module):
        at = self
        for word in path[:-1]:
            if word not in dict(at.named_children()):
                at.add_module(word, nn.Module())
            at = at.get_submodule(word)
        at.add_module(path[-1], module)

    def forward(self, x):
        return run(self.plan, x)

    def kinks(self, x):
        """The smallest distance of any value in the forward pass of `x` to a kink: |input| of a ReLU, and the gap
        between the two largest values of a max-pool window (windows of equal values have the same gradient either
        way only behind a ReLU, where both are 0; those are left out)."""
        found = []
        run(self.plan, x, found)
        return min(found, default=float("inf"))


def run(plan, x, kinks=None):
    for kind, part in plan:
        if kinks is not None:
            kinks.extend((x - at).abs().min().item() for at in KINKS.get(kind, ()))
        if kinks is not None and kind == "max_pool":
            windows = F.unfold(x.flatten(0, 1).unsqueeze(1), part.kernel_size, stride=part.stride)
            top = windows.topk(2, dim=1).values
            gaps = (top[:, 0] - top[:, 1])[top[:, 0] != 0]
            kinks.append(gaps.min().item())
        x = run(part[1], x, kinks) + run(part[0], x, kinks) if kind == "residual" else part(x)
    return x


def shape_after(module, shape):
    """Shape of one record behind `module`, from a forward pass on the meta device's stand-in: zeros."""
    with torch.no_grad():
        example = torch.zeros(1, *shape, dtype=torch.float32)
        was = module.training
        try:
            return tuple(module.eval()(example).shape[1:])
        except RuntimeError as why:
            raise ConfigError(f"{module} cannot follow a record of shape {shape}: {why}") from why
        finally:
            module.train(was)


def make_layer(row, shape, default_out):
    """One PyTorch module for one `[[model.layers]]` row; `shape` is the incoming record, `default_out` the number
    of classes for the last layer (its `out` may be left out)."""
    kind = row["type"]
    out = row.get("out", default_out)
    bias = row.get("bias", True)
    if kind in PLAIN:
        return PLAIN[kind](row)
    if kind in ("linear", "conv2d") and out is None:
        raise ConfigError(f"layer {row.get('name', kind)}: `out` is missing, and only the last layer has a default")
    if kind == "linear":
        if len(shape) != 1:
            raise ConfigError(f"linear layer {row.get('name')} gets a record of shape {shape}: flatten it first")
        return nn.Linear(shape[0], out, bias)
    if kind == "conv2d":
        keys = {k: row[k] for k in ("stride", "padding", "dilation", "groups") if k in row}
        return nn.Conv2d(shape[0], out, row["kernel"], bias=bias, **keys)
    if kind == "conv1d":
        keys = {k: row[k] for k in ("stride", "padding", "dilation", "groups") if k in row}
        return nn.Conv1d(shape[0], out, row["kernel"], bias=bias, **keys)
    if kind == "squeeze_excite":
        from torchvision.ops import SqueezeExcitation

        gate = nn.Hardsigmoid if row.get("gate") == "hard_sigmoid" else nn.Sigmoid
        return SqueezeExcitation(shape[0], row["squeeze"], scale_activation=gate)
    if kind == "group_norm":
        return nn.GroupNorm(row["groups"], shape[0], eps=row.get("eps", 1e-5))
    if kind == "batch_norm":
        make = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
        return make(shape[0], eps=row.get("eps", 1e-5), momentum=row.get("momentum", 0.1))
    if kind == "layer_norm":
        return nn.LayerNorm(shape, eps=row.get("eps", 1e-5))
    raise ConfigError(f"layer type {kind!r} is not known here")


def build_model(config, input_shape, classes, dtype=torch.float64):
    """`config`: a parsed config (or fixture) TOML with a `[model]` table. `input_shape`: one record, e.g. (1, 28, 28).
    Returns the module in evaluation mode (dropout off), parameters of `dtype`."""
    model = config.get("model", {})
    if "layers" not in model:
        zoo = model.get("zoo")
        raise ConfigError(f"the config names no [[model.layers]] (zoo = {zoo!r}): give the resolved config of a run")
    net = Net(model["layers"], input_shape, classes)
    return net.to(dtype).eval()


def is_graph_model(config):
    kinds = {row["type"] for row in config.get("model", {}).get("layers", [])}
    return not kinds.isdisjoint((*GRAPH_LAYERS, "readout"))


def load_config(path):
    return tomllib.loads(Path(path).read_text(encoding="utf-8"))


def parse_shape(text):
    """`1x28x28` or `1,28,28` to a tuple."""
    return tuple(int(part) for part in text.replace("x", ",").split(","))


def per_sample_gradients(model, x, y):
    """The oracle: one backward pass per record. Yields ({name: gradient of the record's loss}, loss, logits)."""
    for i in range(len(x)):
        model.zero_grad(set_to_none=True)
        logits = model(x[i : i + 1])
        loss = F.cross_entropy(logits, y[i : i + 1])
        loss.backward()
        yield {n: p.grad.detach().clone() for n, p in model.named_parameters()}, loss.item(), logits.detach()[0]


def relative_error(ours, theirs):
    """max |ours - theirs| / max |theirs| over one tensor, in float64; NaN anywhere gives infinity. An all-zero
    reference is compared absolutely."""
    ours, theirs = ours.double(), theirs.double()
    if ours.shape != theirs.shape:
        return float("inf")
    if ours.numel() == 0:
        return 0.0
    scale = theirs.abs().max().item()
    gap = (ours - theirs).abs().max().item()
    error = gap / scale if scale > 0 else gap
    return error if error == error else float("inf")

"""Builds a graph network from the `[model]` table of an `unlearn` config out of PyTorch Geometric's own layers.

Parameter names are PyTorch Geometric's (2.8): NAME.lin.weight, NAME.bias (GCNConv); NAME.lin_l.weight,
NAME.lin_l.bias, NAME.lin_r.weight (SAGEConv); NAME.lin.weight, NAME.att_src and NAME.att_dst [1, heads, out], NAME.bias
(GATConv); NAME.nn.0.weight, NAME.nn.0.bias, NAME.nn.2.weight, NAME.nn.2.bias (GINConv, which also has a buffer NAME.eps
[1]: see `load_weights`); NAME.lin.weight, NAME.lin.bias (SGConv); NAME.lins.0.weight … NAME.bias (ChebConv);
NAME.att_edge [1, heads, out] and NAME.lin_edge.weight (GATConv with edge_dim); NAME.att, NAME.bias, NAME.lin_l,
NAME.lin_r, NAME.lin_edge.weight (GATv2Conv); NAME.lin_key, lin_query, lin_value, lin_skip (TransformerConv). In
`state_dict` and `named_parameters` GATConv lists att_src, att_dst, bias, lin.weight and GCNConv bias, lin.weight: order
is no part of the format.
"""

import warnings

import torch
from torch import nn
from torch.nn import functional as F

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch.jit is deprecated, and the package uses it while it is imported
    from torch_geometric.nn import ChebConv, GATConv, GATv2Conv, GCNConv, GINConv, SAGEConv, SGConv, TransformerConv
    from torch_geometric.nn import JumpingKnowledge, global_add_pool, global_max_pool, global_mean_pool
    from torch_geometric.utils import add_self_loops, remove_self_loops

from torch_model import GRAPH_LAYERS, ConfigError

READOUT = {"sum": global_add_pool, "mean": global_mean_pool, "max": global_max_pool}
ATTENTION = ("gat_conv", "gatv2_conv")
PLAIN = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def make_layer(row, width, default_out):
    """(module, columns behind it) of one `[[model.layers]]` row that has parameters; `width`: columns before it."""
    kind, out = row["type"], row.get("out", default_out)
    if out is None:
        raise ConfigError(f"layer {row.get('name', kind)}: `out` is missing, and only the last layer has a default")
    bias = row.get("bias", True)
    fill = 0.0 if row.get("fill_value", "mean") == "zero" else "mean"
    keys = {"edge_dim": row.get("edge_dim"), "fill_value": fill}
    if kind == "linear":
        return nn.Linear(width, out, bias), out
    if kind == "graph_conv":
        return GCNConv(width, out, bias=bias), out
    if kind == "sage_conv":
        return SAGEConv(width, out, aggr=row.get("aggr", "mean"), bias=bias), out
    if kind == "gat_conv":
        heads, concat = row.get("heads", 1), row.get("concat", True)
        # The engine reads the slope as a float32; both sides must use the same number.
        slope = torch.tensor(row.get("slope", 0.2), dtype=torch.float32).item()
        return GATConv(width, out, heads, concat, slope, bias=bias, **keys), heads * out if concat else out
    if kind == "gatv2_conv":
        heads, concat = row.get("heads", 1), row.get("concat", True)
        slope = torch.tensor(row.get("slope", 0.2), dtype=torch.float32).item()
        keys["share_weights"] = row.get("share_weights", False)
        return GATv2Conv(width, out, heads, concat, slope, bias=bias, **keys), heads * out if concat else out
    if kind == "transformer_conv":
        heads, concat = row.get("heads", 1), row.get("concat", True)
        return TransformerConv(width, out, heads, concat, bias=bias), heads * out if concat else out
    if kind == "gin_conv":
        hidden = row.get("hidden", out)
        inner = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, out))
        return GINConv(inner, eps=row.get("eps", 0.0)), out
    if kind == "cheb_conv":
        return ChebConv(width, out, K=row.get("k", 3), normalization="sym", bias=bias), out
    if kind == "sgc":
        return SGConv(width, out, K=row.get("k", 2), bias=bias), out
    raise ConfigError(f"layer type {kind!r} cannot stand in a graph network here")


class GraphNet(nn.Module):
    """The layers of a config in order; x [nodes, features], edges [2, E] of (source, target)."""

    def __init__(self, layers, features, classes):
        super().__init__()
        self.plan, width = self.read(layers, features, classes)
        if width != classes:
            raise ConfigError(f"the model ends with {width} columns, but {classes} classes were expected")

    def read(self, layers, width, last=None):
        """([(kind, part)], columns behind them) of `[[model.layers]]` rows; `last`: columns of the last by default."""
        plan = []
        for at, row in enumerate(layers):
            kind = row["type"]
            if kind == "readout":
                plan.append((kind, READOUT[row["kind"]]))
            elif kind == "dropout":
                plan.append((kind, nn.Dropout(row.get("p", 0.5))))
            elif kind in PLAIN:
                plan.append((kind, PLAIN[kind]()))
            elif kind == "jumping":
                starts = [i for i, inner in enumerate(row["layers"]) if inner["type"] in GRAPH_LAYERS]
                cuts, blocks, widths = [0, *starts[1:], len(row["layers"])], [], []
                for first, end in zip(cuts, cuts[1:]):
                    block, width = self.read(row["layers"][first:end], width)
                    blocks.append(block)
                    widths.append(width)
                mode = row.get("mode", "cat")
                width = sum(widths) if mode == "cat" else width
                plan.append((kind, (blocks, None if mode == "last" else JumpingKnowledge(mode))))
            else:
                module, width = make_layer(row, width, last if at == len(layers) - 1 else None)
                self.add_module(row["name"], module)
                plan.append((kind, module))
        return plan, width

    def forward(self, x, edges, batch=None, kinks=None, weight=None, attr=None):
        """Logits [nodes, classes], or [graphs, classes] behind a read-out over `batch` [nodes], the graph of each."""
        return self.walk(self.plan, x, edges, batch, kinks, weight, attr)

    def walk(self, plan, x, edges, batch, kinks, weight, attr):
        for kind, part in plan:
            if kinks is not None:
                kinks.extend(distances(kind, part, x, edges, batch, attr))
            if kind == "jumping":
                outputs = []
                for block in part[0]:
                    x = self.walk(block, x, edges, batch, kinks, weight, attr)
                    outputs.append(x)
                if kinks is not None and part[1] is not None and part[1].mode == "max":
                    kinks.extend((outputs[0] - outputs[-1]).abs().flatten().tolist())
                x = x if part[1] is None else part[1](outputs)
            elif kind == "readout":
                x = part(x, batch)
            elif kind in ("graph_conv", "sgc") and weight is not None:
                x = part(x, edges, weight)
            elif kind in ATTENTION and part.edge_dim is not None:
                x = part(x, edges, attr)
            else:
                x = part(x, edges) if kind in GRAPH_LAYERS else part(x)
        return x


def gap_of_top_two(x, groups):
    """The smallest distance between the two largest values of a column within a group of rows; equal values are left
    out (both 0 behind a ReLU, whose gradient is 0 too, or the same row twice)."""
    found = []
    for rows in groups:
        if len(rows) > 1:
            top = x[rows].topk(2, dim=0).values
            gaps = (top[0] - top[1])[top[0] != top[1]]
            found += gaps.tolist()
    return found


def distances(kind, part, x, edges, batch, attr=None):
    """How far the values that this layer meets are from a kink of a ReLU or LeakyReLU or a tie in a maximum."""
    if kind == "relu":
        return x.abs().flatten().tolist()
    if kind == "gin_conv":
        inner = part.nn[0]((1 + part.eps) * x + torch.zeros_like(x).index_add(0, edges[1], x[edges[0]]))
        return inner.abs().flatten().tolist()
    if kind in ATTENTION and part.edge_dim is not None:
        (j, i), attr = add_self_loops(*remove_self_loops(edges, attr), part.fill_value, len(x))
    elif kind in ATTENTION:
        loops = torch.arange(len(x))
        i, j, attr = torch.cat([edges[1], loops]), torch.cat([edges[0], loops]), None
    if kind == "gatv2_conv":
        pre = part.lin_l(x)[j] + part.lin_r(x)[i] + (0 if attr is None else part.lin_edge(attr))
        return [v for v in pre.abs().flatten().tolist() if v != 0]
    if kind == "gat_conv":
        z = part.lin(x).view(-1, part.heads, part.out_channels)
        source, target = (z * part.att_src).sum(-1), (z * part.att_dst).sum(-1)
        score = source[j] + target[i]
        if attr is not None:
            score = score + (part.lin_edge(attr).view(-1, part.heads, part.out_channels) * part.att_edge).sum(-1)
        # Exactly 0 is the loop of a node without features: it has nothing to pass a gradient to.
        return [v for v in score.abs().flatten().tolist() if v != 0]
    # The maximum over the records themselves has no gradient to pass on, so its ties do no harm.
    if kind == "sage_conv" and part.aggr == "max" and x.requires_grad:
        return gap_of_top_two(x, [edges[0][edges[1] == i] for i in range(len(x))])
    if kind == "readout" and part is global_max_pool:
        return gap_of_top_two(x, [(batch == g).nonzero()[:, 0] for g in range(int(batch.max()) + 1)])
    return []


def load_weights(model, tensors):
    """`load_state_dict`: every name and shape must fit. GINConv's buffer `eps`, which the config sets, is in a
    `model.safetensors` but not among the parameters of a fixture, so it may be missing."""
    given = dict(tensors)
    for name, buffer in model.named_buffers():
        if name.endswith(".eps"):
            given.setdefault(name, buffer.clone())
    model.load_state_dict(given, strict=True)


def build_graph_model(config, features, classes, dtype=torch.float64):
    """`config`: a parsed TOML with a `[model]` table. In evaluation mode (dropout off), parameters of `dtype`."""
    layers = config.get("model", {}).get("layers")
    if not layers:
        raise ConfigError("the config names no [[model.layers]]: give the resolved config of a run")
    return GraphNet(layers, features, classes).to(dtype).eval()


def per_record_gradients(model, data, rows, labels):
    """The oracle: one backward pass of the whole graph per row of the logits. Yields {name: gradient}."""
    for row, label in zip(rows.tolist(), labels.tolist()):
        model.zero_grad(set_to_none=True)
        logits = model(data["x"], data["edges"], data.get("batch"), None, data.get("weight"), data.get("edge_attr"))
        F.cross_entropy(logits[row : row + 1], torch.tensor([label])).backward()
        yield {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in model.named_parameters()}

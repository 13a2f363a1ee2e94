"""What PyTorch Geometric's layers do with edges that occur twice, self-loops and nodes without edges.

Our graphs hold every edge once (the loaders merge duplicates), so the first column never arises; it is stated because a
comparison with a graph that was not coalesced would differ.

| layer | an edge given twice | a real self-loop (i, i) | a node without edges |
| --- | --- | --- | --- |
| GCNConv, SGConv | counts twice, in the sum and both degrees | the one of every node, once | its own row, weight 1 |
| SAGEConv mean | counts twice, in the sum and in the count | one more neighbour; none is added | mean 0: lin_l.bias +
lin_r x |
| SAGEConv max | no difference | one more neighbour; none is added | maximum 0: lin_l.bias + lin_r x |
| GATConv | two terms of the softmax | taken out, then every node gets one | attends to itself alone |
| GINConv | counts twice | the node's own row once more: 2x + sum | nn(x) |

A self-loop given twice still counts once there. GCNConv's degree of a node is 1 + its incoming edges, and both ends'
degrees are of that kind: on a directed graph the outgoing edges of a source do not count. `check` holds the installed
version to this table.
"""

import torch
from torch import nn

from graph_model import GATConv, GCNConv, GINConv, SAGEConv, SGConv


def same(a, b):
    return torch.allclose(a, b, rtol=1e-12, atol=1e-12)


def check():
    """Raises AssertionError, naming the layer, where the table above is not what happens."""
    torch.manual_seed(1)
    x = torch.randn(5, 3, dtype=torch.float64)
    once = torch.tensor([[0, 1, 2, 0, 3], [1, 0, 1, 2, 3]])  # node 3 has a loop, node 4 nothing
    edge_twice = torch.cat([once, torch.tensor([[2], [1]])], 1)
    loop_twice = torch.cat([once, torch.tensor([[3], [3]])], 1)
    no_loop = once[:, once[0] != once[1]]
    layers = {
        "GCNConv": GCNConv(3, 2), "SGConv": SGConv(3, 2, K=1), "SAGEConv mean": SAGEConv(3, 2, aggr="mean"),
        "SAGEConv max": SAGEConv(3, 2, aggr="max"), "GATConv": GATConv(3, 2, heads=2),
        "GINConv": GINConv(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))),
    }
    with torch.no_grad():
        for name, layer in layers.items():
            layer = layer.double()
            y = layer(x, once)
            own = name in ("GCNConv", "SGConv", "GATConv")  # layers that give every node exactly one self-loop
            assert same(y, layer(x, edge_twice)) == (name == "SAGEConv max"), f"{name}: an edge given twice"
            assert same(y, layer(x, loop_twice)) == (own or name.startswith("SAGE")), f"{name}: a loop given twice"
            assert same(y, layer(x, no_loop)) == own, f"{name}: a real self-loop"
            assert same(y[4], alone(name, layer, x[4])), f"{name}: a node without edges"
            assert same(y[3], with_loop(name, layer, x[3])), f"{name}: a node with nothing but its loop"
        degrees(layers["GCNConv"], x, once)


def alone(name, layer, x):
    if name.startswith("SAGE"):
        return layer.lin_l.bias + layer.lin_r(x)
    if name == "GINConv":
        return layer.nn(x)
    return layer.lin(x) + (0 if name == "SGConv" else layer.bias)


def with_loop(name, layer, x):
    if name.startswith("SAGE"):
        return layer.lin_l(x) + layer.lin_r(x)
    return layer.nn(2 * x) if name == "GINConv" else alone(name, layer, x)


def degrees(layer, x, edges):
    """D^-1/2 (A + I) D^-1/2 with D = 1 + incoming edges, written out."""
    a = torch.zeros(5, 5, dtype=x.dtype)
    for j, i in edges.T.tolist():
        a[i, j] = 1.0
    a.fill_diagonal_(1.0)
    c = a.sum(1).pow(-0.5)
    assert same(layer(x, edges), (c[:, None] * a * c) @ layer.lin(x) + layer.bias), "GCNConv: degrees"

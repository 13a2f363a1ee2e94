"""The graph networks of the fixtures: the data that dump_graph.py works on.

Keys of a layer are those of a config file. `out` of `gat_conv` is per head, as PyTorch Geometric's `out_channels`
is: with `concat` the next layer sees heads * out columns, without it `out`.
"""

NODES, EDGES, FEATURES, CLASSES = 40, 90, 23, 5
DENSITY = 0.15
ISOLATED, LOOP, BLANK, UNUSED = 11, 7, 29, 4
# In that order: a node without edges, one with a real self-loop, one without features; a column of zeros.
# Training nodes, with gaps, so that a position taken for an id shows; the isolated node, the one with the loop and
# the one without features are among them.
TRAIN = [0, 2, 3, 7, 11, 12, 15, 16, 20, 21, 22, 27, 29, 31, 33, 36, 39]
GRAPH_SIZES = [5, 1, 8, 3, 6, 2, 7]  # nodes of each graph of the graph-classification batch


def gcn(name, out):
    return {"type": "graph_conv", "name": name, "out": out}


def sage(name, out, aggr):
    return {"type": "sage_conv", "name": name, "out": out, "aggr": aggr}


def gat(name, out, heads, concat):
    return {"type": "gat_conv", "name": name, "out": out, "heads": heads, "concat": concat, "slope": 0.2}


def gat_edges(name, out, heads, concat, **keys):
    return {**gat(name, out, heads, concat), "edge_dim": 3, **keys}


def gatv2(name, out, heads, concat, **keys):
    return {**gat(name, out, heads, concat), "type": "gatv2_conv", **keys}


def transformer(name, out, heads, concat):
    """Without biases: that of the keys moves no weight, so that its gradient is rounding alone."""
    return {"type": "transformer_conv", "name": name, "out": out, "heads": heads, "concat": concat, "bias": False}


def jumping(mode, *layers):
    return {"type": "jumping", "mode": mode, "layers": list(layers)}


def gin(name, hidden, out, **keys):
    return {"type": "gin_conv", "name": name, "hidden": hidden, "out": out, **keys}


def sgc(name, out, k):
    return {"type": "sgc", "name": name, "out": out, "k": k}


def cheb(name, out, k):
    return {"type": "cheb_conv", "name": name, "out": out, "k": k}


def linear(name, out):
    return {"type": "linear", "name": name, "out": out}


def readout(kind):
    return {"type": "readout", "kind": kind}


RELU, ELU = {"type": "relu"}, {"type": "elu"}


def node(about, layers, directed=False, **keys):
    return {"task": "node", "about": about, "layers": layers, "directed": directed, **keys}


def graphs(about, layers, **keys):
    return {"task": "graph", "about": about, "layers": layers, "directed": False, **keys}


MODELS = {
    "gcn2": node("GCN, two layers", [gcn("conv1", 7), RELU, gcn("conv2", CLASSES)]),
    "gcn3": node("GCN, three layers", [gcn("conv1", 7), RELU, gcn("conv2", 6), RELU, gcn("conv3", CLASSES)]),
    "gcn2_directed": node(
        "GCN on a directed graph: a transpose taken for the graph itself shows",
        [gcn("conv1", 7), ELU, gcn("conv2", CLASSES)], directed=True),
    "sage_mean2": node(
        "GraphSAGE, mean, two layers", [sage("conv1", 7, "mean"), RELU, sage("conv2", CLASSES, "mean")]),
    "sage_mean3": node(
        "GraphSAGE, mean, three layers",
        [sage("conv1", 6, "mean"), RELU, sage("conv2", 7, "mean"), ELU, sage("conv3", CLASSES, "mean")]),
    "sage_max2": node(
        "GraphSAGE, max, two layers", [sage("conv1", 7, "max"), RELU, sage("conv2", CLASSES, "max")]),
    "sage_max2_directed": node(
        "GraphSAGE, max, on a directed graph",
        [sage("conv1", 7, "max"), ELU, sage("conv2", CLASSES, "max")], directed=True),
    "gat2": node(
        "GAT, two layers: three heads side by side, then one",
        [gat("conv1", 4, 3, True), ELU, gat("conv2", CLASSES, 1, True)]),
    "gat3": node(
        "GAT, three layers: three heads, two heads, then the mean of three",
        [gat("conv1", 3, 3, True), ELU, gat("conv2", 4, 2, True), ELU, gat("conv3", CLASSES, 3, False)]),
    "gat2_directed": node(
        "GAT on a directed graph: two heads, then the mean of two",
        [gat("conv1", 5, 2, True), RELU, gat("conv2", CLASSES, 2, False)], directed=True),
    "gin2": node("GIN, two layers", [gin("conv1", 6, 7), RELU, gin("conv2", 8, CLASSES)]),
    "gin3": node(
        "GIN, three layers, one of them with eps",
        [gin("conv1", 6, 5), RELU, gin("conv2", 7, 4, eps=0.25), RELU, gin("conv3", 6, CLASSES)]),
    "sgc": node("SGC: two rounds of averaging, then one linear map", [sgc("conv1", CLASSES, 2)]),
    "sgc_stack": node(
        "SGC behind SGC, on a directed graph: the gradient passes the averaging",
        [sgc("conv1", 7, 2), RELU, sgc("conv2", CLASSES, 1)], directed=True),
    "mixed": node(
        "dense layers before, between and behind graph layers, on a directed graph",
        [linear("fc1", 9), RELU, gin("conv1", 6, 7), ELU, linear("fc2", 6), RELU, sage("conv2", 7, "mean"), ELU,
         linear("fc3", CLASSES)], directed=True),
    "graphs_gin_sum": graphs(
        "GIN over a batch of graphs, summed",
        [gin("conv1", 6, 7), RELU, gin("conv2", 7, 6), RELU, readout("sum"), linear("fc", CLASSES)]),
    "graphs_gcn_mean": graphs(
        "GCN over a batch of graphs, averaged",
        [gcn("conv1", 7), RELU, gcn("conv2", 6), ELU, readout("mean"), linear("fc", CLASSES)]),
    "graphs_sage_max": graphs(
        "GraphSAGE over a batch of graphs, largest value of each column",
        [sage("conv1", 7, "mean"), RELU, sage("conv2", 6, "max"), ELU, readout("max"), linear("fc", CLASSES)]),
    "cheb2": node(
        "ChebNet: three Chebyshev terms, then two", [cheb("conv1", 7, 3), RELU, cheb("conv2", CLASSES, 2)]),
    "gcn2_weighted": node(
        "GCN over directed edges with weights, a real self-loop's among them",
        [gcn("conv1", 7), RELU, gcn("conv2", CLASSES)], directed=True, weighted=True),
    "gat2_edges": node(
        "GAT with features of directed edges: three heads side by side, then the mean of two",
        [gat_edges("conv1", 4, 3, True), ELU, gat_edges("conv2", CLASSES, 2, False)], directed=True, edge_dim=3),
    "graphs_gat_edges": graphs(
        "GAT with features of edges over a batch of graphs, added self-loops without features",
        [gat_edges("conv1", 3, 2, True, fill_value="zero"), ELU, readout("mean"), linear("fc", CLASSES)], edge_dim=3),
    "gatv2_edges": node(
        "GATv2 with features of directed edges: two heads side by side, then the mean of two without such features",
        [gatv2("conv1", 3, 2, True, edge_dim=3), ELU, gatv2("conv2", CLASSES, 2, False)], directed=True, edge_dim=3),
    "transformer2": node(
        "Graph transformer on a directed graph: two heads side by side, then the mean of two",
        [transformer("conv1", 3, 2, True), {"type": "tanh"}, transformer("conv2", CLASSES, 2, False)], directed=True),
    "jumping": node(
        "jumping knowledge: the largest of two GCN layers, then a GraphSAGE layer beside a GCN layer",
        [jumping("max", gcn("conv1", 6), ELU, gcn("conv2", 6), ELU),
         jumping("cat", sage("conv3", 5, "mean"), ELU, gcn("conv4", 4)), linear("fc", CLASSES)]),
}

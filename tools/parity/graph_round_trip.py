#!/usr/bin/env python3
"""Takes PyTorch Geometric networks over a graph whose edges carry something through `unlearn` and back.

    python tools/parity/graph_round_trip.py --unlearn target/release/unlearn [--keep FOLDER] [NAME…]
    python tools/parity/graph_round_trip.py --fixture tests/shared/import/graphs

Each network is trained for a few steps in PyTorch Geometric on a small graph of named nodes, saved as `.pt`, imported
by names, its logits compared; then a class and ten nodes are forgotten by SSD and by fine-tuning, and each result is
loaded with load_state_dict(strict=True) and its logits on the reduced graph compared. Exit code 1 where any relative
difference is above 1e-4. --fixture writes what a test imports, of a smaller graph, and runs nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from dump import toml_rows  # noqa: E402
from graph_model import build_graph_model  # noqa: E402
from torch_model import relative_error  # noqa: E402

FEATURES, CLASSES, CARRIED, TOLERANCE = 9, 3, 3, 1e-4
ELU = {"type": "elu"}


def attention(kind, name, out, **keys):
    return {"type": kind, "name": name, "out": out, "edge_dim": CARRIED, **keys}


NETWORKS = {
    "gat_edges": ([attention("gat_conv", "conv1", 4, heads=3), ELU, attention("gat_conv", "conv2", CLASSES)], False),
    "gatv2_edges": (
        [attention("gatv2_conv", "conv1", 4, heads=2), ELU, attention("gatv2_conv", "conv2", CLASSES)], False),
    "gatv2_shared": (
        [attention("gatv2_conv", "conv1", 4, heads=2, share_weights=True), ELU,
         {"type": "gatv2_conv", "name": "conv2", "out": CLASSES, "share_weights": True, "bias": False}], False),
    "gcn_weighted": (
        [{"type": "graph_conv", "name": "conv1", "out": 8}, ELU, {"type": "graph_conv", "name": "conv2",
                                                                    "out": CLASSES}], True),
}


def make_graph(seed, nodes):
    """Nodes with a class that their features and edges tell, and edges with a weight and features, each once."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(CLASSES, size=nodes)
    x = generator.normal(size=(nodes, FEATURES)) + 2.0 * np.eye(CLASSES, FEATURES)[labels]
    pairs = [(u, v) for u in range(nodes) for v in range(u)
             if generator.random() < (0.15 if labels[u] == labels[v] else 0.03)]
    weight = generator.uniform(0.25, 2.0, size=len(pairs))
    carried = generator.normal(size=(len(pairs), CARRIED))
    return labels, x.astype(np.float32), pairs, weight.astype(np.float32), carried.astype(np.float32)


def write_data(folder, graph, weighted):
    labels, x, pairs, weight, carried = graph
    names = [f"n{node:02}" for node in range(len(labels))]
    carried_names = [f"e{at}" for at in range(CARRIED)]
    lines = ["from,to,w," + ",".join(carried_names)]
    for (u, v), w, row in zip(pairs, weight, carried):
        lines.append(",".join([names[u], names[v], repr(float(w)), *(repr(float(value)) for value in row)]))
    (folder / "edges.csv").write_text("\n".join(lines) + "\n")
    rows = [",".join([names[node], *(repr(float(v)) for v in x[node])]) for node in range(len(names))]
    (folder / "features.csv").write_text("id," + ",".join(f"x{at}" for at in range(FEATURES)) + "\n" + "\n".join(rows))
    classes = [f"{names[node]},c{labels[node]}" for node in range(len(names))]
    (folder / "labels.csv").write_text("id,class\n" + "\n".join(classes) + "\n")
    data = ["[data]", 'loader = "edge_list"', 'edges = "edges.csv"', 'node_features = "features.csv"',
            'labels = "labels.csv"', 'label = "class"', 'id = "id"', 'normalize = "none"', "test_fraction = 0.3"]
    if weighted:
        data += ['edge_weight = "w"', f"drop = {json.dumps(carried_names)}"]
    else:
        data += ['drop = ["w"]', f"edge_features = {json.dumps(carried_names)}"]
    return "\n".join(data) + '\n\n[train]\nepochs = 30\noptimizer = "adam"\nlr = 0.01\n\n', names


class Net:
    """A network of PyTorch Geometric with its graph; nodes that are gone have no features and no edges."""

    def __init__(self, config, graph, weighted):
        self.model = build_graph_model(config, FEATURES, CLASSES, torch.float64)
        _, x, pairs, weight, carried = graph
        self.x = torch.tensor(x).double()
        both = [(u, v) for u, v in pairs] + [(v, u) for u, v in pairs]
        self.edges = torch.tensor(both).T
        self.weight = torch.tensor(np.concatenate([weight, weight])).double() if weighted else None
        self.attr = None if weighted else torch.tensor(np.concatenate([carried, carried])).double()

    def logits(self, gone=()):
        x, stays = self.x.clone(), torch.tensor([not {u, v} & set(gone) for u, v in self.edges.T.tolist()])
        x[list(gone)] = 0.0
        carried = [None if part is None else part[stays] for part in (self.weight, self.attr)]
        return self.model(x, self.edges[:, stays], None, None, *carried)

    def fit(self, labels, steps=60):
        optimizer = torch.optim.Adam(self.model.parameters(), lr=0.02)
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(self.logits(), labels).backward()
            optimizer.step()


def run(program, folder, *arguments):
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def said(program, folder, name):
    """{id of a node: logits} of a run, all of its records."""
    run(program, folder, "predict", name, "--on", "all", "--out", f"{name}.npz", "--quiet")
    found = np.load(folder / f"{name}.npz")
    return {str(node): row for node, row in zip(found["ids"].tolist(), found["logits"])}


def compare(what, logits, found, names):
    place = {name: at for at, name in enumerate(names)}
    ids = [node for node in found if node in place]
    ours = torch.tensor(np.stack([found[node] for node in ids])).double()
    gap = relative_error(ours, logits.detach()[[place[node] for node in ids]])
    print(f"{what}: {len(ids)} nodes, largest relative difference {gap:.1e}")
    return gap <= TOLERANCE


def trained(folder, layers, weighted, nodes, stem):
    """The data, a configuration and the trained network in a folder; the network and the names of its nodes."""
    graph = make_graph(7, nodes)
    data, names = write_data(folder, graph, weighted)
    text = "seed = 1\n\n" + data + toml_rows(layers, "model.layers")
    (folder / f"{stem}.toml").write_text(text)
    net = Net(tomllib.loads(text), graph, weighted)
    net.fit(torch.tensor(graph[0]))
    torch.save({k: v.float() for k, v in net.model.state_dict().items()}, folder / f"{stem}.pt")
    net.model.load_state_dict({k: v.float().double() for k, v in net.model.state_dict().items()})
    return net, names


def write_fixture(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (layers, weighted) in NETWORKS.items():
        net, names = trained(folder, layers, weighted, 24, name)
        rows = [",".join([node, *(f"{v:.9g}" for v in row)]) for node, row in zip(names, net.logits().tolist())]
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")


def round_trip(program, folder, name, layers, weighted):
    net, names = trained(folder, layers, weighted, 60, "net")
    run(program, folder, "import", "net.pt", "--config", "net.toml", "--out", "in", "--quiet")
    good = [compare(f"{name} imported", net.logits(), said(program, folder, "in"), names)]
    ten = names[:10]
    requests = {"ten": {"request_id": "r1", "kind": "node", "ids": ten},
                "class": {"request_id": "r2", "kind": "class", "ids": ["c1"]}}
    for what, request in requests.items():
        (folder / f"{what}.jsonl").write_text(json.dumps(request) + "\n")
        for method in ("ssd", "finetune"):
            out = f"{what}-{method}"
            run(program, folder, "forget", "in", "--request", f"{what}.jsonl", "--method", method, "--out", out,
                "--quiet", "--allow-fail")
            forgotten = [json.loads(line) for line in (folder / out / "forgotten.jsonl").read_text().splitlines()]
            gone = sorted(names.index(record["id"]) for row in forgotten for record in row["records"])
            tensors = load_file(folder / out / "model.safetensors")
            net.model.load_state_dict({name: tensor.double() for name, tensor in tensors.items()}, strict=True)
            good.append(compare(f"{name} {out} ({len(gone)} nodes gone)", net.logits(gone),
                                {n: row for n, row in said(program, folder, out).items()
                                 if n in names and names.index(n) not in gone}, names))
    return all(good)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(NETWORKS))
    parser.add_argument("--unlearn", help="the program")
    parser.add_argument("--fixture", type=Path, help="a folder to write what a test imports to")
    parser.add_argument("--keep", type=Path, help="a folder to work in, left as it is")
    args = parser.parse_args()
    if args.fixture:
        return write_fixture(args.fixture)
    if not args.unlearn:
        parser.error("--unlearn or --fixture is needed")
    program = str(Path(args.unlearn).resolve())
    good = True
    for name in args.names:
        layers, weighted = NETWORKS[name]
        with tempfile.TemporaryDirectory() as temporary:
            folder = (args.keep or Path(temporary)) / name
            folder.mkdir(parents=True, exist_ok=True)
            good &= round_trip(program, folder, name, layers, weighted)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the graph fixtures of assets/parity/graph: what PyTorch Geometric computes in float64 for small networks.

    python tools/parity/dump_graph.py            write assets/parity/graph
    python tools/parity/dump_graph.py --check    recompute, compare with the committed files, write nothing

README.md beside this file lists every tensor and its definition; pyg_facts.py says what the layers do with duplicate
edges, self-loops and isolated nodes.
"""

import argparse
import sys
import tomllib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
import pyg_facts  # noqa: E402
from dump import ASSETS, CHECK_TOLERANCE, MAX_FLOAT32_GAP, MIN_KINK  # noqa: E402
from dump import sha256, to_f32_grid, toml_rows, toml_value, uniform  # noqa: E402
from graph_fixtures import (  # noqa: E402
    BLANK, CLASSES, DENSITY, EDGES, FEATURES, GRAPH_SIZES, ISOLATED, LOOP, MODELS, NODES, TRAIN, UNUSED)
from graph_model import build_graph_model, per_record_gradients  # noqa: E402
from torch_model import relative_error  # noqa: E402

SCRIPT = "tools/parity/dump_graph.py"
GIVEN = ("edges", "batch", "y", "train")  # integers


def config_text(name, spec):
    records = f"{len(GRAPH_SIZES)} graphs" if spec["task"] == "graph" else f"{NODES} nodes"
    head = f"# {name}: {spec['about']}.\n# {records}, {FEATURES} features, {CLASSES} classes. Written by {SCRIPT}.\n"
    return head + toml_rows(spec["layers"], "model.layers")


def random_edges(generator, nodes, count, directed):
    """`count` distinct pairs without loops, none at ISOLATED, as [2, E] sorted by (source, target)."""
    pairs = set()
    while len(pairs) < count:
        a, b = torch.randint(nodes, (2,), generator=generator).tolist()
        if a != b and ISOLATED not in (a, b) and (directed or (b, a) not in pairs):
            pairs.add((a, b))
    both = pairs if directed else pairs | {(b, a) for a, b in pairs}
    return sorted(both)


def draw_features(generator, nodes):
    """Sparse features of both signs, each exactly a float32; no value is near 0 but the zeros."""
    values = uniform(generator, (nodes, FEATURES), 0.2, 1.2) * (uniform(generator, (nodes, FEATURES), -1.0, 2.0)).sign()
    return to_f32_grid(values * (uniform(generator, (nodes, FEATURES), 0.0, 1.0) < DENSITY))


def draw_node_task(generator, directed):
    x = draw_features(generator, NODES)
    x[BLANK], x[:, UNUSED] = 0.0, 0.0
    edges = sorted(random_edges(generator, NODES, 2 * EDGES if directed else EDGES, directed) + [(LOOP, LOOP)])
    labels = torch.randint(CLASSES, (NODES,), generator=generator)
    return {"x": x, "edges": torch.tensor(edges).T, "y": labels, "train": torch.tensor(TRAIN)}


def draw_edge_data(generator, spec, edges):
    """Weights and features of edges, the same in both directions where the graph is undirected."""
    drawn = {}
    for name, width in (("weight", 1 if spec.get("weighted") else 0), ("edge_attr", spec.get("edge_dim", 0))):
        if width:
            low, high = (0.2, 2.0) if name == "weight" else (-1.0, 1.0)
            values = to_f32_grid(uniform(generator, (edges.shape[1], width), low, high))
            if not spec["directed"]:
                place = {tuple(pair): at for at, pair in enumerate(edges.T.tolist())}
                values = values[[min(at, place[(v, u)]) for (u, v), at in place.items()]]
            drawn[name] = values[:, 0] if name == "weight" else values
    return drawn


def draw_graph_task(generator):
    """A few random graphs side by side, the second a single node; the first has a node with a real self-loop."""
    edges, batch, first = [(0, 0)], [], 0
    for at, size in enumerate(GRAPH_SIZES):
        for a in range(size):
            for b in range(a):
                if torch.rand((), generator=generator) < 0.5:
                    edges += [(first + a, first + b), (first + b, first + a)]
        batch += [at] * size
        first += size
    labels = torch.randint(CLASSES, (len(GRAPH_SIZES),), generator=generator)
    return {"x": draw_features(generator, first), "edges": torch.tensor(sorted(edges)).T,
            "batch": torch.tensor(batch), "y": labels}


def initialise(model, generator):
    """Uniform weights; biases off 0, so that a forgotten one shows."""
    for name, parameter in sorted(model.named_parameters()):
        bound = 0.3
        if not name.endswith("bias"):
            # Sparse features and averages are small: variance 2 / fan_in keeps the outputs apart. Sums grow with
            # the degree: GIN gets less, or the softmax saturates and its gradients say nothing.
            bound = ((1.0 if ".nn." in name else 6.0) / parameter.shape[-1]) ** 0.5
        with torch.no_grad():
            parameter.copy_(to_f32_grid(uniform(generator, parameter.shape, -bound, bound)))


def draw(spec, config, seed):
    """A model and its data from one seed, and the distance of the nearest value to a kink."""
    generator = torch.Generator().manual_seed(seed)
    model = build_graph_model(config, FEATURES, CLASSES)
    initialise(model, generator)
    data = draw_graph_task(generator) if spec["task"] == "graph" else draw_node_task(generator, spec["directed"])
    data |= draw_edge_data(generator, spec, data["edges"])
    kinks = []
    model(data["x"], data["edges"], data.get("batch"), kinks, data.get("weight"), data.get("edge_attr"))
    return model, data, min(kinks, default=float("inf"))


def everything(config, start, data, dtype):
    """All tensors of a fixture. Records are the training nodes, or the graphs."""
    model = build_graph_model(config, FEATURES, CLASSES, dtype)
    model.load_state_dict({k: v.to(dtype) for k, v in start.items()}, strict=True)
    out = {k: v if k in GIVEN else v.to(dtype) for k, v in data.items()}
    rows = data.get("train", torch.arange(len(data["y"])))
    labels = data["y"][rows]
    logits = model(out["x"], out["edges"], out.get("batch"), None, out.get("weight"), out.get("edge_attr"))
    loss = F.cross_entropy(logits[rows], labels, reduction="none")
    loss.mean().backward()
    out["logits"], out["loss"] = logits.detach(), loss.detach()
    for name, parameter in model.named_parameters():
        out[f"param.{name}"], out[f"grad.{name}"] = parameter.detach().clone(), parameter.grad.clone()
    each = list(per_record_gradients(model, out, rows, labels))
    for name, _ in model.named_parameters():
        stacked = torch.stack([gradients[name] for gradients in each])
        out[f"per_sample.{name}"], out[f"fisher.{name}"] = stacked, stacked.square().mean(0)
    return out


def fixture(name, spec, first_seed):
    """(config text, tensors in float64, facts for the manifest) of one model."""
    text = config_text(name, spec)
    config = tomllib.loads(text)
    for seed in range(first_seed, first_seed + 1000):
        model, data, kink = draw(spec, config, seed)
        if kink >= MIN_KINK:
            break
    else:
        sys.exit(f"{name}: no seed keeps {MIN_KINK} away from every kink")
    start = {k: v.clone() for k, v in model.state_dict().items()}
    tensors = everything(config, start, data, torch.float64)
    single = everything(config, start, data, torch.float32)
    gaps = {k: relative_error(single[k], v) for k, v in tensors.items() if k not in GIVEN}
    worst = max(gaps, key=gaps.get)
    if not gaps[worst] <= MAX_FLOAT32_GAP:
        sys.exit(f"{name}: float32 is {gaps[worst]:.1e} off in {worst}: the fixture is ill-conditioned")
    facts = {
        "task": spec["task"], "config": f"{name}.toml", "tensors": f"{name}.safetensors", "seed": seed,
        "nodes": len(data["x"]), "edges": data["edges"].shape[1], "directed": spec["directed"],
        "features": FEATURES, "classes": CLASSES, "records": len(tensors["loss"]),
        "parameters": sum(p.numel() for p in model.parameters()),
        "float32_gap": float(f"{gaps[worst]:.3g}"), "float32_gap_tensor": worst,
    }
    if spec.get("edge_dim"):
        facts["edge_features"] = spec["edge_dim"]
    if kink < float("inf"):  # else every layer of this model is smooth
        facts["smallest_kink_distance"] = float(f"{kink:.3g}")
    return text, {k: v.contiguous() for k, v in tensors.items()}, facts


def manifest_text(facts, digests, first_seed):
    from torch_geometric import __version__

    text = "# What lies in this folder, and how it was made. Written by " + SCRIPT + ".\nschema = 1\n"
    text += f'script = "{SCRIPT}"\ntorch = "{torch.__version__.split("+")[0]}"\ntorch_geometric = "{__version__}"\n'
    text += f'device = "cpu"\ncomputed_in = "float64"\nstored_in = "float64"\nseed = {first_seed}\n'
    for name, keys in facts.items():
        text += f"\n[models.{name}]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in keys.items())
    return text + "\n[sha256]\n" + "".join(f'"{file}" = "{digest}"\n' for file, digest in sorted(digests.items()))


def write(out, first_seed):
    out.mkdir(parents=True, exist_ok=True)
    all_facts, digests = {}, {}
    for name, spec in MODELS.items():
        text, stored, facts = fixture(name, spec, first_seed)
        (out / f"{name}.toml").write_text(text, encoding="utf-8")
        save_file(stored, out / f"{name}.safetensors", metadata={"script": SCRIPT})
        for file in (f"{name}.toml", f"{name}.safetensors"):
            digests[file] = sha256(out / file)
        all_facts[name] = facts
        size = (out / f"{name}.safetensors").stat().st_size
        kink = facts.get("smallest_kink_distance", float("inf"))
        print(f"{name}: {len(stored)} tensors, {size} bytes, seed {facts['seed']}, float32 gap "
              f"{facts['float32_gap']:.1e}, kink {kink:.1e}, mean loss {stored['loss'].mean():.3f}")
    (out / "MANIFEST.toml").write_text(manifest_text(all_facts, digests, first_seed), encoding="utf-8")


def check(folder):
    """Returns the number of faults: digests that differ, and tensors that are no longer reproduced."""
    manifest = tomllib.loads((folder / "MANIFEST.toml").read_text(encoding="utf-8"))
    wrong = [file for file, digest in manifest["sha256"].items() if sha256(folder / file) != digest]
    for file in wrong:
        print(f"{file}: its sha256 is not the one in MANIFEST.toml")
    faults = len(wrong)
    for name, spec in MODELS.items():
        text, stored, _ = fixture(name, spec, manifest["seed"])
        committed = load_file(folder / f"{name}.safetensors")
        if text != (folder / f"{name}.toml").read_text(encoding="utf-8") or stored.keys() != committed.keys():
            faults += 1
            print(f"{name}: the config or the list of tensors is not what {SCRIPT} writes")
            continue
        errors = {k: relative_error(committed[k], v) for k, v in stored.items()}
        bad = {k: e for k, e in errors.items() if not e <= CHECK_TOLERANCE}
        faults += len(bad)
        print(f"{name}: {len(errors)} tensors, largest relative error {max(errors.values()):.1e}", *bad, sep="\n  ")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ASSETS / "graph", help="folder (default: assets/parity/graph)")
    parser.add_argument("--seed", type=int, default=20, help="first seed tried")
    parser.add_argument("--check", action="store_true", help="compare with the files in --out instead of writing")
    args = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation, so that the same PyTorch writes the same bytes
    pyg_facts.check()
    if args.check:
        sys.exit(1 if check(args.out) else 0)
    write(args.out, args.seed)


if __name__ == "__main__":
    main()

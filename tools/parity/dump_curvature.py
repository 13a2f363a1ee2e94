#!/usr/bin/env python3
"""Writes assets/parity/curvature: norms, inner products, clipped sums, products with curvature matrices and their
diagonals and factors, of every network of assets/parity and assets/parity/graph, by torch.func in float64.

    python tools/parity/dump_curvature.py            write assets/parity/curvature
    python tools/parity/dump_curvature.py --check    recompute, compare with the committed files, write nothing

Parameters and records are those of the other fixtures, which are read and not stored again. Every quantity is computed
in two ways, and where BackPACK and Opacus know the layers they must agree too. README.md beside this file lists every
tensor and its definition. Needs torch, torch-geometric, backpack-for-pytorch and opacus.
"""

import argparse
import sys
import tomllib
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
import fixtures  # noqa: E402
import graph_fixtures  # noqa: E402
from curvature_peers import backpack_distances, opacus_norms  # noqa: E402
from curvature_truth import dense_problem, distance, graph_problem, kronecker_factors, quantities  # noqa: E402
from dump import ASSETS, CHECK_TOLERANCE, MAX_FLOAT32_GAP, MIN_KINK  # noqa: E402
from dump import sha256, to_f32_grid, toml_value, uniform  # noqa: E402
from graph_model import build_graph_model, load_weights  # noqa: E402
from torch_model import build_model, load_config, relative_error  # noqa: E402

SCRIPT = "tools/parity/dump_curvature.py"
PACKAGES = {"torch": "torch", "torch_geometric": "torch-geometric", "backpack": "backpack-for-pytorch",
    "opacus": "opacus"}
FACTORS = ("mlp", "mlp_sigmoid", "lenet5")  # grouped and dilated convolutions have no Kronecker factors in BackPACK
WIDEST = 200  # inputs of a layer whose [in, in] factor is still stored
ROUTES = 1e-12  # float64 by two routes, by BackPACK and by Opacus
STORED = 1e-6  # what an existing fixture holds as float32


def sources():
    """{name: (folder, is it a graph network)} of the fixtures that parameters and records are read from."""
    dense = {name: (ASSETS, False) for name in fixtures.MODELS}
    return dense | {name: (ASSETS / "graph", True) for name in graph_fixtures.MODELS}


def read_problem(name, folder, graph, dtype):
    """(problem, tensors) of a fixture on disk."""
    stored = load_file(folder / f"{name}.safetensors")
    config = load_config(folder / f"{name}.toml")
    params = {k.removeprefix("param."): v.to(dtype) for k, v in stored.items() if k.startswith("param.")}
    x, y = stored["x"].to(dtype), stored["y"]
    if graph:
        model = build_graph_model(config, graph_fixtures.FEATURES, graph_fixtures.CLASSES, dtype)
        load_weights(model, params)
        rows = stored.get("train", torch.arange(len(y)))
        carried = [None if part is None else part.to(dtype) for part in map(stored.get, ("weight", "edge_attr"))]
        given = (x, stored["edges"], stored.get("batch"), None, *carried)
        return graph_problem(model, given, rows, y[rows]), stored
    spec = fixtures.MODELS[name]
    model = build_model(config, spec["input"], spec["classes"], dtype)
    running = {k.removeprefix("state."): v.to(dtype) for k, v in stored.items() if k.startswith("state.")}
    missing = model.load_state_dict(params | running, strict=False)
    if missing.unexpected_keys or any(not k.endswith("num_batches_tracked") for k in missing.missing_keys):
        sys.exit(f"{name}: {missing}")
    return dense_problem(model, x, y), stored


def draw_direction(problem, seed):
    """Uniform in -1..1, each exactly a float32; parameters in the order of their names."""
    generator = torch.Generator().manual_seed(seed)
    drawn = {n: to_f32_grid(uniform(generator, p.shape, -1.0, 1.0)) for n, p in sorted(problem.params.items())}
    return {n: drawn[n].to(p.dtype) for n, p in problem.params.items()}


def elu_distance(problem):
    """The smallest |input| of an ELU, whose second derivative jumps at 0; kinks of first ones are far already."""
    found = []
    hooks = [
        m.register_forward_hook(lambda _, given, __: found.append(given[0].abs().min().item()))
        for _, m in getattr(problem.model, "plan", []) if isinstance(m, nn.ELU)
    ]
    problem.logits(problem.params)
    for hook in hooks:
        hook.remove()
    return min(found, default=float("inf"))


def everything(name, problem, direction, clip=None):
    """(tensors, distances of the second routes, names of the factors that are left out)."""
    tensors, routes = quantities(problem, direction, clip)
    left = []
    if name in FACTORS:
        factors, second, left = kronecker_factors(problem, WIDEST)
        tensors, routes = tensors | factors, routes | second
        # The exact Gauss-Newton matrix of a bias is the outer factor itself.
        for layer in {k.split(".", 1)[1] for k in factors if k.startswith("kfac_g.")}:
            routes[f"ggn_diag.{layer}.bias"] = distance(factors[f"kfac_g.{layer}"].diagonal(),
                tensors[f"ggn_diag.{layer}.bias"])
    return tensors | {f"direction.{n}": u for n, u in direction.items()}, routes, left


def demand(name, distances, allowed, what):
    """The largest of them; more than allowed ends the program."""
    worst = max(distances, key=distances.get)
    if not distances[worst] <= allowed:
        sys.exit(f"{name}: {what} is {distances[worst]:.1e} off in {worst}")
    return float(f"{distances[worst]:.1g}")


def fixture(name, folder, graph, seed):
    """(tensors to store, facts for the manifest) of one network."""
    problem, stored = read_problem(name, folder, graph, torch.float64)
    direction = draw_direction(problem, seed)
    tensors, routes, left = everything(name, problem, direction)
    if not elu_distance(problem) >= MIN_KINK:
        sys.exit(f"{name}: the input of an ELU is nearer than {MIN_KINK} to 0, where its second derivative jumps")
    facts = {"tensors": f"{name}.safetensors", "graph": graph, "records": len(problem.labels)}
    facts["second_route_distance"] = demand(name, routes, ROUTES, "a second route")
    own = problem.per_sample()
    was = {k: stored[f"per_sample.{k}"].double() for k in own}
    demand(name, {k: relative_error(own[k][: len(w)], w) for k, w in was.items()}, STORED, "the stored per_sample")
    if not graph:
        x, labels = problem.batch, problem.labels
        if not any(k.startswith("state.") for k in stored):  # Opacus refuses batch norm, in evaluation form too
            norms = {"norms": distance(opacus_norms(problem.model, x, labels), tensors["norms"])}
            facts["opacus_distance"] = demand(name, norms, ROUTES, "Opacus")
        peers = backpack_distances(problem.model, x, labels, tensors)
        facts["backpack_distance"] = demand(name, peers, ROUTES, "BackPACK")
        facts["backpack_layers"] = sorted({k.split(" ")[0].split(".", 1)[1].split(".")[0] for k in peers})
    single, _ = read_problem(name, folder, graph, torch.float32)
    clip = tensors["clip"].to(torch.float32)[0]
    rough, _, _ = everything(name, single, {n: u.to(torch.float32) for n, u in direction.items()}, clip)
    gaps = {k: relative_error(rough[k], v) for k, v in tensors.items()}
    facts["float32_gap_tensor"] = max(gaps, key=gaps.get)
    facts["float32_gap"] = float(f"{gaps[facts['float32_gap_tensor']]:.3g}")
    demand(name, gaps, MAX_FLOAT32_GAP, "float32")
    if name in FACTORS:
        facts["factors"] = [k.removeprefix("kfac_g.") for k in tensors if k.startswith("kfac_g.")]
        facts["left_out"] = left
    kept = torch.float64 if graph else torch.float32
    return {k: v.to(kept).contiguous() for k, v in sorted(tensors.items())}, facts


def source_files():
    """{path from the curvature folder: SHA-256} of what the fixtures were computed from."""
    files = {}
    for name, (folder, _) in sources().items():
        for ending in ("toml", "safetensors"):
            path = folder / f"{name}.{ending}"
            files[f"../{path.relative_to(ASSETS).as_posix()}"] = sha256(path)
    return files


def manifest_text(facts, digests, seed):
    text = "# What lies in this folder, and how it was made. Written by " + SCRIPT + ".\nschema = 1\n"
    text += f'script = "{SCRIPT}"\n'
    text += "".join(f'{key} = "{version(package).split("+")[0]}"\n' for key, package in PACKAGES.items())
    text += f'device = "cpu"\ncomputed_in = "float64"\nstored_in = "float32, graph networks float64"\nseed = {seed}\n'
    text += "# Factors [in, in] of layers with more inputs than this are not stored: `left_out` of a network names "
    text += "them.\n"
    text += f"widest_factor = {WIDEST}\n"
    for name, keys in facts.items():
        text += f"\n[networks.{name}]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in keys.items())
    text += "\n[sha256]\n" + "".join(f'"{file}" = "{digest}"\n' for file, digest in sorted(digests.items()))
    text += "\n# The fixtures that parameters and records come from.\n[sources]\n"
    return text + "".join(f'"{file}" = "{digest}"\n' for file, digest in sorted(source_files().items()))


def write(out, seed):
    out.mkdir(parents=True, exist_ok=True)
    all_facts, digests = {}, {}
    for name, (folder, graph) in sources().items():
        tensors, facts = fixture(name, folder, graph, seed)
        file = out / f"{name}.safetensors"
        save_file(tensors, file, metadata={"script": SCRIPT})
        file.chmod(0o644)
        digests[file.name], all_facts[name] = sha256(file), facts
        print(f"{name}: {len(tensors)} tensors, {file.stat().st_size} bytes, float32 gap {facts['float32_gap']:.1e} "
              f"({facts['float32_gap_tensor']}), second routes {facts['second_route_distance']:.0e}")
    (out / "MANIFEST.toml").write_text(manifest_text(all_facts, digests, seed), encoding="utf-8")


def check(folder):
    """Returns the number of faults: digests that differ, and tensors that are no longer reproduced."""
    manifest = tomllib.loads((folder / "MANIFEST.toml").read_text(encoding="utf-8"))
    stated = manifest["sha256"] | manifest["sources"]
    wrong = [file for file, digest in stated.items() if sha256(folder / file) != digest]
    for file in wrong:
        print(f"{file}: its sha256 is not the one in MANIFEST.toml")
    faults = len(wrong)
    for name, (source, graph) in sources().items():
        tensors, _ = fixture(name, source, graph, manifest["seed"])
        committed = load_file(folder / f"{name}.safetensors")
        if tensors.keys() != committed.keys():
            faults += 1
            print(f"{name}: the list of tensors is not what {SCRIPT} writes")
            continue
        errors = {k: relative_error(committed[k], v) for k, v in tensors.items()}
        bad = {k: e for k, e in errors.items() if not e <= CHECK_TOLERANCE}
        faults += len(bad)
        print(f"{name}: {len(errors)} tensors, largest relative error {max(errors.values()):.1e}", *bad, sep="\n  ")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ASSETS / "curvature",
        help="folder (default: assets/parity/curvature)")
    parser.add_argument("--seed", type=int, default=31, help="seed of the directions")
    parser.add_argument("--check", action="store_true", help="compare with the files in --out instead of writing")
    args = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation, so that the same PyTorch writes the same bytes
    for note in ("`torch.jit", "Full backward hook"):  # what the peers' packages set off
        warnings.filterwarnings("ignore", message=note)
    if args.check:
        sys.exit(1 if check(args.out) else 0)
    write(args.out, args.seed)


if __name__ == "__main__":
    main()

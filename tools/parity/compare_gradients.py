#!/usr/bin/env python3
"""Recomputes in PyTorch (float64) what `unlearn gradients` wrote, and prints the relative error of every tensor.

    unlearn gradients RUN --kind fisher --indices 0..64 --out fisher.safetensors
    python tools/parity/compare_gradients.py RUN fisher.safetensors --kind fisher --indices 0..64 --data-dir DATA

RUN holds model.safetensors, config.toml and run.json. Records come from the idx files of the config (relative to
--data-dir), or from --records FILE.safetensors: tensors x and y, the training set in its order, normalised.
The oracle is one backward pass per record. Exit code 0: all within --tolerance. 1: not. 2: bad input.
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import parse_indices, read_json, shape_and_classes, training_records  # noqa: E402
from torch_model import ConfigError, build_model, load_config, per_sample_gradients, relative_error  # noqa: E402


def oracle(model, x, y, kind):
    """{name: tensor}: the mean gradient, the per-sample gradients [n, ...], or the mean of their squares."""
    total = {}
    for grads, _, _ in per_sample_gradients(model, x, y):
        for name, grad in grads.items():
            if kind == "per-sample":
                total.setdefault(name, []).append(grad)
            else:
                total[name] = total.get(name, 0) + (grad.square() if kind == "fisher" else grad)
    if kind == "per-sample":
        return {name: torch.stack(rows) for name, rows in total.items()}
    return {name: tensor / len(x) for name, tensor in total.items()}


def compare(ours, theirs, tolerance):
    """Prints one line per tensor; returns the number of faults, missing and unknown tensors included."""
    faults = 0
    for name in sorted(ours.keys() ^ theirs.keys()):
        faults += 1
        print(f"{name}: {'not in the file' if name in theirs else 'not a parameter of the model'}")
    for name in (name for name in theirs if name in ours):
        error = relative_error(ours[name], theirs[name])
        good = error <= tolerance
        faults += not good
        shapes = "" if ours[name].shape == theirs[name].shape else f"  expected shape {list(theirs[name].shape)}"
        print(f"{name:<24} {str(list(ours[name].shape)):<24} {error:9.2e}  {'ok' if good else 'TOO LARGE'}{shapes}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("file", type=Path, help="what `unlearn gradients` wrote")
    parser.add_argument("--kind", choices=["mean", "per-sample", "fisher"], required=True)
    parser.add_argument("--indices", required=True, help="A..B (half-open) or a file of positions")
    parser.add_argument("--records", type=Path, help="safetensors with x and y, the training set in its order")
    parser.add_argument("--data-dir", type=Path, default=Path("."), help="where the config's relative paths start")
    parser.add_argument("--classes", type=int)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()
    try:
        config = load_config(args.run / "config.toml")
        x, y = training_records(config, args.data_dir, args.records)
        indices = parse_indices(args.indices, len(x))
        facts = read_json(args.run / "run.json")
        _, classes = shape_and_classes(config, facts, tuple(x.shape[1:]), args.classes)
        model = build_model(config, tuple(x.shape[1:]), classes)
        weights = load_file(args.run / "model.safetensors")
        model.load_state_dict({name: tensor.double() for name, tensor in weights.items()}, strict=True)
        ours = load_file(args.file)
    except (ConfigError, SafetensorError, OSError, RuntimeError, ValueError) as why:
        print(f"error: {why}", file=sys.stderr)
        return 2
    theirs = oracle(model, x[indices], y[indices], args.kind)
    faults = compare(ours, theirs, args.tolerance)
    verdict = f"{faults} faults" if faults else f"all within {args.tolerance:g}"
    print(f"{args.kind} over {len(indices)} records: {verdict}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

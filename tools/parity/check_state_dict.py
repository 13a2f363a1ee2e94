#!/usr/bin/env python3
"""Loads a model.safetensors written by `unlearn` into PyTorch with load_state_dict(strict=True).

    python tools/parity/check_state_dict.py RUN/model.safetensors [MODEL] [--input-shape 1x28x28] [--classes 10]

MODEL is a config TOML or the name of a fixture in assets/parity; by default config.toml beside the weights. Networks
with graph layers are built from PyTorch Geometric's own (--input-shape 1433: the features of a node).
Exit code 0: every name and shape fits and a forward pass is finite. 1: something does not fit. 2: bad input.
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))
from run_folder import resolve_model, shape_and_classes  # noqa: E402
from torch_model import ConfigError, build_model, is_graph_model, parse_shape  # noqa: E402


def build(config, shape, classes):
    """(the model, what loads a file into it, a batch that it takes)"""
    if not is_graph_model(config):
        model = build_model(config, shape, classes, torch.float32)
        return model, lambda tensors: model.load_state_dict(tensors, strict=True), (torch.rand(2, *shape),)
    from graph_model import build_graph_model, load_weights

    model = build_graph_model(config, shape[0], classes, torch.float32)
    ring = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
    batch = (torch.rand(4, shape[0]), ring, torch.tensor([0, 0, 1, 1]))
    return model, lambda tensors: load_weights(model, tensors), batch


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--input-shape", type=parse_shape, help="one record, for example 1x28x28")
    parser.add_argument("--classes", type=int)
    args = parser.parse_args()
    try:
        config, facts = resolve_model(args.model, args.weights)
        shape, classes = shape_and_classes(config, facts, args.input_shape, args.classes)
        model, load, batch = build(config, shape, classes)
        tensors = load_file(args.weights)
    except (ConfigError, SafetensorError, OSError) as why:
        print(f"error: {why}", file=sys.stderr)
        return 2
    try:
        load(tensors)
    except RuntimeError as why:
        print(f"{args.weights}: {why}", file=sys.stderr)
        return 1
    wrong = {name: tensor.dtype for name, tensor in tensors.items() if tensor.dtype != torch.float32}
    with torch.no_grad():
        logits = model(*batch)
    if wrong or not logits.isfinite().all():
        print(f"{args.weights}: {f'not float32: {wrong}' if wrong else 'the logits are not finite'}", file=sys.stderr)
        return 1
    count = sum(tensor.numel() for tensor in tensors.values())
    print(f"{args.weights}: load_state_dict(strict=True) takes all {len(tensors)} tensors ({count} parameters)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

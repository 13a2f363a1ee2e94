"""Reads what `unlearn` writes: a RUN folder, its config and the records it was trained on. No PyTorch models here."""

import gzip
import json
import struct
import tomllib
from pathlib import Path

import torch
from safetensors.torch import load_file

from torch_model import ConfigError, load_config

FIXTURES = Path(__file__).resolve().parents[2] / "assets" / "parity"


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def read_idx(path):
    """An IDX file of unsigned bytes, gzip or not, as a uint8 tensor."""
    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    zero, kind, rank = struct.unpack(">HBB", raw[:4])
    if zero != 0 or kind != 8:
        raise ConfigError(f"{path}: not an IDX file of unsigned bytes (magic {raw[:4].hex()})")
    shape = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
    return torch.frombuffer(bytearray(raw[4 + 4 * rank :]), dtype=torch.uint8).reshape(shape)


def idx_training_set(data, base):
    """x [n, 1, h, w] as pixels / 255 (or as they are), y [n]; only where positions in the file are positions in the
    training set, that is, where no part of the file was split off."""
    normalize = data.get("normalize", "unit")
    if normalize not in ("unit", "none"):
        raise ConfigError(f"normalize = {normalize!r}: give the normalised records with --records")
    if data.get("validation_fraction", 0) > 0 or "test_images" not in data:
        raise ConfigError("a part of the training file is split off: give the training records with --records")
    limit = data.get("limit")
    pixels = read_idx(base / data["train_images"])[:limit].unsqueeze(1)
    labels = read_idx(base / data["train_labels"])[:limit]
    # The engine stores x as float32; start from the same numbers.
    return (pixels.to(torch.float32) / (255.0 if normalize == "unit" else 1.0)).double(), labels.long()


def training_records(config, data_dir, records):
    """(x, y) in training-set order, from `--records` (tensors x and y) or, for the idx loader, from its files."""
    if records is not None:
        tensors = load_file(records)
        if not {"x", "y"} <= tensors.keys():
            raise ConfigError(f"{records}: expected the tensors x and y, found {sorted(tensors)}")
        return tensors["x"].double(), tensors["y"].long()
    data = config.get("data", {})
    if data.get("loader") != "idx":
        raise ConfigError(f"loader {data.get('loader')!r} is not read here: give the records with --records (x and y)")
    return idx_training_set(data, Path(data_dir))


def shape_and_classes(config, run_json, input_shape, classes):
    """Shape of one record and number of classes: from the command line, else from run.json (`data.shape`,
    `data.classes`), else the last layer's `out`."""
    facts = run_json.get("data", {})
    if not isinstance(facts, dict):
        facts = {}
    shape = input_shape or facts.get("shape")
    layers = config.get("model", {}).get("layers", [])
    out = layers[-1].get("out") if layers else None
    classes = classes or facts.get("classes") or out
    if shape is None:
        raise ConfigError("the shape of one record is not in run.json: give it with --input-shape, for example 1x28x28")
    if classes is None:
        raise ConfigError("the number of classes is not in run.json: give it with --classes")
    return tuple(shape), int(classes)


def resolve_model(argument, weights):
    """MODEL of check_state_dict.py: a config TOML, a fixture's name, or nothing (config.toml beside the weights).
    Returns (config, facts like run.json's)."""
    if argument is None:
        argument = Path(weights).parent / "config.toml"
    if Path(argument).is_file():
        return load_config(argument), read_json(Path(argument).parent / "run.json")
    for folder in (FIXTURES, FIXTURES / "graph"):
        fixture = folder / f"{argument}.toml"
        if fixture.is_file():
            manifest = tomllib.loads((folder / "MANIFEST.toml").read_text(encoding="utf-8"))
            facts = manifest["models"][str(argument)]
            shape = facts.get("input") or [facts["features"]]
            return load_config(fixture), {"data": {"shape": shape, "classes": facts["classes"]}}
    raise ConfigError(f"{argument}: neither a config file nor a fixture of assets/parity")


def parse_indices(text, count):
    """`A..B` (half-open) or a file of positions separated by white space or commas (or a JSON list)."""
    if ".." in text and not Path(text).is_file():
        low, high = (int(part) for part in text.split(".."))
        indices = list(range(low, high))
    else:
        words = Path(text).read_text(encoding="utf-8").translate(str.maketrans("[],", "   ")).split()
        indices = [int(word) for word in words]
    bad = [i for i in indices if not 0 <= i < count]
    if bad or not indices:
        raise ConfigError(f"{text}: {'no indices' if not indices else f'{bad[0]} is outside 0..{count}'}")
    return indices

#!/usr/bin/env python3
"""Writes the fixtures of assets/parity/language: what PyTorch computes in float64 for small language models.

    python tools/parity/dump_language.py            write assets/parity/language
    python tools/parity/dump_language.py --check    recompute, compare with the committed files, write nothing

README.md beside this file lists every tensor and its definition.
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from dump import ASSETS, CHECK_TOLERANCE, MAX_FLOAT32_GAP, sha256, to_f32_grid, toml_value, uniform  # noqa: E402
from language_model import MAKE  # noqa: E402
from torch_model import relative_error  # noqa: E402

SCRIPT = "tools/parity/dump_language.py"
FOLDER = ASSETS / "language"
VOCABULARY = 19
LENGTHS = [2, 17, 65, 1]
MODELS = {
    "gpt": {"width": 12, "depth": 2, "heads": 3, "inner": 20, "context": 65},
    "gpt_tied": {"width": 8, "depth": 1, "heads": 2, "inner": 12, "context": 65, "tied": True},
    "llama": {"width": 16, "depth": 2, "heads": 4, "kv_heads": 2, "inner": 20, "theta": 500.0, "eps": 1e-5},
}
SEEDS = {"gpt": 31, "gpt_tied": 33, "llama": 32}


def draw(name, seed):
    """Parameters off their usual starts, so that a forgotten one shows, and a batch; all exactly float32."""
    generator = torch.Generator().manual_seed(seed)
    model = MAKE[name](VOCABULARY, **MODELS[name]).double()
    with torch.no_grad():
        for key, parameter in sorted(model.named_parameters()):
            scale = parameter.dim() == 1 and key.endswith("weight")
            bound = 0.3 if parameter.dim() == 1 else 1.2 if "wte" in key or "embed" in key else 0.6
            values = uniform(generator, parameter.shape, -bound, bound) + (1.0 if scale else 0.0)
            parameter.copy_(to_f32_grid(values))
    rows = sum(LENGTHS)
    tokens = torch.randint(VOCABULARY - 2, (rows,), generator=generator)  # two tokens never come
    targets = torch.randint(VOCABULARY, (rows,), generator=generator)
    weight = to_f32_grid(uniform(generator, (rows,), 0.2, 1.5))
    weight[torch.rand(rows, generator=generator) < 0.2] = 0.0  # tokens that do not count
    direction = {key: to_f32_grid(uniform(generator, p.shape, -1.0, 1.0)) for key, p in model.named_parameters()}
    return model, {"tokens": tokens, "targets": targets, "weight": weight}, direction


def everything(model, data, direction):
    parts = [t.split(LENGTHS) for t in (data["tokens"], data["targets"], data["weight"])]
    names = [key for key, _ in model.named_parameters()]
    parameters = [p for _, p in model.named_parameters()]
    out, logits, losses, rows = {}, [], [], []
    for tokens, targets, weight in zip(*parts):
        z = model(tokens)
        loss = (weight * F.cross_entropy(z, targets, reduction="none")).sum()
        gradients = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
        rows.append([torch.zeros_like(p) if g is None else g for g, p in zip(gradients, parameters)])
        logits.append(z.detach())
        losses.append(loss.detach())
    records = len(LENGTHS)
    along = sum((g * direction[key]).sum() for row in rows for key, g in zip(names, row)) / records
    products = torch.autograd.grad(along, parameters, allow_unused=True)
    out["logits"], out["loss"] = torch.cat(logits), torch.stack(losses)
    for at, key in enumerate(names):
        each = torch.stack([row[at].detach() for row in rows])
        out[f"per_sample.{key}"], out[f"grad.{key}"] = each, each.mean(0)
        out[f"fisher.{key}"] = (each ** 2).sum(0)
        out[f"hvp.{key}"] = torch.zeros_like(parameters[at]) if products[at] is None else products[at]
    out["norms"] = sum((out[f"per_sample.{key}"].flatten(1) ** 2).sum(1) for key in names)
    return out


def fixture(name, seed):
    model, data, direction = draw(name, seed)
    computed = everything(model, data, direction)
    single = {"tokens": data["tokens"], "targets": data["targets"], "weight": data["weight"].float()}
    again = everything(model.float(), single, {key: v.float() for key, v in direction.items()})
    gaps = {key: relative_error(again[key].double(), value) for key, value in computed.items()}
    worst = max(gaps, key=gaps.get)
    given = {f"param.{key}": p.detach().float() for key, p in model.named_parameters()}
    given |= {f"direction.{key}": v.float() for key, v in direction.items()}
    given |= {"tokens": data["tokens"], "targets": data["targets"], "weight": single["weight"]}
    given["lengths"] = torch.tensor(LENGTHS)
    tensors = {key: v.detach().contiguous() for key, v in given.items()}
    return tensors | {key: v.detach().float().contiguous() for key, v in computed.items()}, worst, gaps[worst]


def config_text(name):
    sizes = {key: value for key, value in MODELS[name].items()}
    return f"# Written by {SCRIPT}.\n[model]\nzoo = \"{name.split('_')[0]}\"\nsizes = {toml_value(sizes)}\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = ("# What lies in this folder, and how it was made. Written by " + SCRIPT + ".\nschema = 1\n"
            f'script = "{SCRIPT}"\ntorch = "{torch.__version__.split("+")[0]}"\ndevice = "cpu"\n'
            'computed_in = "float64"\nstored_in = "float32"\nvocabulary = ' + f"{VOCABULARY}\n")
    digests, wrong = {}, []
    for name, seed in SEEDS.items():
        tensors, worst, gap = fixture(name, seed)
        if gap > MAX_FLOAT32_GAP:
            sys.exit(f"{name}: float32 and float64 differ by {gap:.2e} in {worst}: choose another seed")
        files = [f"{name}.toml", f"{name}.safetensors"]
        if check:
            stored = load_file(FOLDER / files[1])
            wrong += [f"{name} {key}" for key, v in tensors.items()
                      if relative_error(stored[key].double(), v.double()) > CHECK_TOLERANCE]
            continue
        (FOLDER / files[0]).write_text(config_text(name))
        save_file(tensors, FOLDER / files[1])
        digests |= {file: sha256(FOLDER / file) for file in files}
        parameters = sum(v.numel() for key, v in tensors.items() if key.startswith("param."))
        text += (f'\n[models.{name}]\nconfig = "{files[0]}"\ntensors = "{files[1]}"\nseed = {seed}\n'
                 f"records = {len(LENGTHS)}\nparameters = {parameters}\nfloat32_gap = {gap:.2e}\n"
                 f'float32_gap_tensor = "{worst}"\n')
    if check:
        sys.exit("\n".join(f"{w}: differs" for w in wrong) or 0)
    text += "\n[sha256]\n" + "".join(f'"{file}" = "{digest}"\n' for file, digest in sorted(digests.items()))
    (FOLDER / "MANIFEST.toml").write_text(text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the PyTorch fixtures of assets/parity and assets/parity/layers: what PyTorch computes in float64 for small
networks.

    python tools/parity/dump.py            write assets/parity/*.{toml,safetensors} and MANIFEST.toml
    python tools/parity/dump.py --check    recompute, compare with the committed files, write nothing
    python tools/parity/dump.py --layers   the same for assets/parity/layers (needs torchvision)

README.md beside this file lists every tensor and its definition.
"""

import argparse
import hashlib
import sys
import tomllib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from fixtures import LAYER_MODELS, MODELS, OPTIMIZERS  # noqa: E402
from torch_model import build_model, per_sample_gradients, relative_error  # noqa: E402

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "parity"
SCRIPT = "tools/parity/dump.py"
STEPS = 10
# The engine computes in float32. A value nearer than this to the kink of a ReLU or to a tie in a max-pool window
# could fall on the other side there, and the gradients would differ for no fault: such a seed is passed over.
MIN_KINK = 2e-5
# PyTorch's own float32 must agree with its float64 this well, or the fixture is too ill-conditioned to hold
# anybody to the 1e-4 of the tests.
MAX_FLOAT32_GAP = 2e-5
CHECK_TOLERANCE = 1e-6

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

MAKE = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
# The strong trajectories must differ by this much (relative, largest over the steps) from the same without decay.
MIN_DECAY_EFFECT = 5e-3


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml_value(v)}" for k, v in value.items()) + " }"
    return repr(value)


def toml_rows(layers, table):
    """`[[table]]` rows, recursing into residual blocks."""
    text = ""
    for row in layers:
        text += f"\n[[{table}]]\n"
        text += "".join(f"{k} = {toml_value(v)}\n" for k, v in row.items() if k not in ("layers", "shortcut"))
        for branch in ("layers", "shortcut"):
            text += toml_rows(row.get(branch, []), f"{table}.{branch}")
    return text


def config_text(name, spec):
    shape = "x".join(map(str, spec["input"]))
    head = f"# {name}: {spec['about']}.\n# One record is {shape}, {spec['classes']} classes, a batch of "
    head += f"{spec['batch']}. Written by {SCRIPT}.\n"
    if any(inner["type"] == "gelu" for row in spec["layers"] for inner in row.get("layers", [row])):
        head += "# gelu is the exact form, x Phi(x) with Phi by erf (PyTorch's approximate=\"none\").\n"
    return head + toml_rows(spec["layers"], "model.layers")


def uniform(generator, shape, low, high):
    return torch.rand(shape, generator=generator, dtype=torch.float64) * (high - low) + low


def to_f32_grid(tensor):
    """Nearest float32 values, kept as float64: both sides then start from the same numbers."""
    return tensor.to(torch.float32).to(torch.float64)


def initialise(model, generator):
    """Uniform weights of variance 1/fan_in (gradients neither vanish nor explode), biases and norms off their
    defaults, so that a forgotten bias or scale shows."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            bound = (3.0 / module.weight[0].numel()) ** 0.5
            ranges = {"weight": (-bound, bound), "bias": (-0.2, 0.2)}
        elif isinstance(module, (nn.GroupNorm, nn.LayerNorm, *BATCH_NORMS)):
            ranges = {"weight": (0.6, 1.4), "bias": (-0.3, 0.3)}
        else:
            continue
        for key, parameter in module.named_parameters(recurse=False):
            with torch.no_grad():
                parameter.copy_(to_f32_grid(uniform(generator, parameter.shape, *ranges[key])))
        if isinstance(module, BATCH_NORMS):
            module.running_mean.copy_(to_f32_grid(uniform(generator, module.running_mean.shape, -0.3, 0.3)))
            module.running_var.copy_(to_f32_grid(uniform(generator, module.running_var.shape, 0.5, 1.5)))


def draw(spec, config, seed):
    """A model, its batch and its targets from one seed."""
    generator = torch.Generator().manual_seed(seed)
    batch, classes = spec["batch"], spec["classes"]
    model = build_model(config, spec["input"], classes)
    initialise(model, generator)
    data = {"x": to_f32_grid(uniform(generator, (batch, *spec["input"]), -1.0, 1.0))}
    data["y"] = torch.randint(classes, (batch,), generator=generator)
    targets = torch.softmax(uniform(generator, (batch, classes), -2.0, 2.0), dim=1)
    targets[0] = F.one_hot(data["y"][0], classes)  # 0 log 0 = 0, and there KL is the cross-entropy
    data["kl_targets"] = to_f32_grid(targets)
    data["mse_targets"] = to_f32_grid(uniform(generator, (batch, classes), -1.0, 1.0))
    return model, data


def statistics(model, spec, data):
    """Logits, losses, mean gradient, Fisher diagonal, per-sample gradients and the two other losses."""
    x, y = data["x"], data["y"]
    out = {}
    model.zero_grad(set_to_none=True)
    F.cross_entropy(model(x), y).backward()
    for name, parameter in model.named_parameters():
        out[f"param.{name}"] = parameter.detach().clone()
        out[f"grad.{name}"] = parameter.grad.detach().clone()
    out |= {f"state.{name}": value for name, value in running(model).items()}
    rows = list(per_sample_gradients(model, x, y))
    for name, _ in model.named_parameters():
        stacked = torch.stack([grads[name] for grads, _, _ in rows])
        out[f"fisher.{name}"] = stacked.square().mean(0)
        out[f"per_sample.{name}"] = stacked[: spec["per_sample"]].clone()
    with torch.no_grad():
        out["logits"] = model(x)
        out["loss"] = F.cross_entropy(out["logits"], y, reduction="none")
    # d/dlogits of the sum of the per-sample losses is each sample's own, unscaled gradient.
    for key, loss_of in {
        "kl": lambda z: F.kl_div(F.log_softmax(z, 1), data["kl_targets"].to(z), reduction="none").sum(1),
        "mse": lambda z: (z - data["mse_targets"].to(z)).square().mean(1),
    }.items():
        logits = out["logits"].clone().requires_grad_()
        loss = loss_of(logits)
        loss.sum().backward()
        out[f"{key}_loss"], out[f"{key}_dlogits"] = loss.detach(), logits.grad
    return out


def running(model):
    """Running means and variances by name."""
    return {name: value.clone() for name, value in model.named_buffers() if value.is_floating_point()}


def trajectory(spec, config, start, data, optimizer, dtype, **overrides):
    """Mean losses of ten full-batch steps: before each step, and once more at the end; and the running statistics
    then. A batch norm is in training form, at the end too."""
    model = build_model(config, spec["input"], spec["classes"], dtype).train()
    model.load_state_dict({k: v.to(dtype) for k, v in start.items()}, strict=True)
    steps = MAKE[optimizer.removesuffix("_decay")](model.parameters(), **{**OPTIMIZERS[optimizer], **overrides})
    x, y, losses = data["x"].to(dtype), data["y"], []
    for _ in range(STEPS):
        steps.zero_grad()
        loss = F.cross_entropy(model(x), y)
        losses.append(loss.item())
        loss.backward()
        steps.step()
    with torch.no_grad():
        losses.append(F.cross_entropy(model(x), y).item())
    return torch.tensor(losses, dtype=torch.float64), running(model)


def everything(spec, config, start, data, dtype):
    model = build_model(config, spec["input"], spec["classes"], dtype)
    model.load_state_dict({k: v.to(dtype) for k, v in start.items()}, strict=True)
    cast = {k: v if k == "y" else v.to(dtype) for k, v in data.items()}
    tensors = {**cast, **statistics(model, spec, cast)}
    for optimizer in OPTIMIZERS:
        tensors[f"{optimizer}_losses"], state = trajectory(spec, config, start, data, optimizer, dtype)
        tensors |= {f"{optimizer}_state.{name}": value for name, value in state.items()}
    return tensors


def decay_effects(spec, config, start, data, tensors):
    """How much each trajectory would change if the weight decay were forgotten: what its test can see."""
    effects = {}
    for optimizer in OPTIMIZERS:
        losses = tensors[f"{optimizer}_losses"]
        without, _ = trajectory(spec, config, start, data, optimizer, torch.float64, weight_decay=0.0)
        effects[optimizer] = ((losses - without).abs() / losses).max().item()
    return effects


def fixture(name, spec, first_seed):
    """(config text, tensors in float64, facts for the manifest) of one model."""
    text = config_text(name, spec)
    config = tomllib.loads(text)
    for seed in range(first_seed, first_seed + 1000):
        model, data = draw(spec, config, seed)
        with torch.no_grad():
            kink = model.kinks(data["x"])
        if kink >= MIN_KINK:
            break
    else:
        sys.exit(f"{name}: no seed keeps {MIN_KINK} away from every kink")
    start = {k: v.clone() for k, v in model.state_dict().items()}
    tensors = everything(spec, config, start, data, torch.float64)
    single = everything(spec, config, start, data, torch.float32)
    gaps = {k: relative_error(single[k], v) for k, v in tensors.items() if k != "y"}
    worst = max(gaps, key=gaps.get)
    if not gaps[worst] <= MAX_FLOAT32_GAP:
        sys.exit(f"{name}: float32 is {gaps[worst]:.1e} off in {worst}: the fixture is ill-conditioned")
    decay = decay_effects(spec, config, start, data, tensors)
    weak = [o for o, effect in decay.items() if o.endswith("_decay") and effect < MIN_DECAY_EFFECT]
    if weak:
        sys.exit(f"{name}: a forgotten weight decay would hardly show in {weak}: {decay}")
    stored = {k: (v if k == "y" else v.to(torch.float32)).contiguous() for k, v in tensors.items()}
    facts = {
        "config": f"{name}.toml", "tensors": f"{name}.safetensors", "seed": seed,
        "input": list(spec["input"]), "classes": spec["classes"], "batch": spec["batch"],
        "per_sample_records": spec["per_sample"], "parameters": sum(p.numel() for p in model.parameters()),
        "float32_gap": float(f"{gaps[worst]:.3g}"), "float32_gap_tensor": worst,
        "decay_effect": {optimizer: float(f"{effect:.2g}") for optimizer, effect in decay.items()},
    }
    if kink < float("inf"):  # else every layer of this model is smooth
        facts["smallest_kink_distance"] = float(f"{kink:.3g}")
    return text, stored, facts


def manifest_text(facts, digests, first_seed):
    text = "# What lies in this folder, and how it was made. Written by " + SCRIPT + ".\nschema = 1\n"
    text += f'script = "{SCRIPT}"\ntorch = "{torch.__version__.split("+")[0]}"\ndevice = "cpu"\n'
    text += f'computed_in = "float64"\nstored_in = "float32"\nseed = {first_seed}\nsteps = {STEPS}\n'
    for name, keys in OPTIMIZERS.items():
        text += f"\n[optimizers.{name}]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in keys.items())
    for name, keys in facts.items():
        text += f"\n[models.{name}]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in keys.items())
    return text + "\n[sha256]\n" + "".join(f'"{file}" = "{digest}"\n' for file, digest in sorted(digests.items()))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(out, models, first_seed):
    out.mkdir(parents=True, exist_ok=True)
    all_facts, digests = {}, {}
    for name, spec in models.items():
        text, stored, facts = fixture(name, spec, first_seed)
        (out / f"{name}.toml").write_text(text, encoding="utf-8")
        save_file(stored, out / f"{name}.safetensors", metadata={"script": SCRIPT})
        for file in (f"{name}.toml", f"{name}.safetensors"):
            digests[file] = sha256(out / file)
        all_facts[name] = facts
        size = (out / f"{name}.safetensors").stat().st_size
        gap = facts["float32_gap"]
        print(f"{name}: {len(stored)} tensors, {size} bytes, seed {facts['seed']}, float32 gap {gap:.1e}")
        for optimizer in OPTIMIZERS:
            losses = stored[f"{optimizer}_losses"]
            effect = facts["decay_effect"][optimizer]
            print(f"  {optimizer}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, decay {effect:.1e}")
    (out / "MANIFEST.toml").write_text(manifest_text(all_facts, digests, first_seed), encoding="utf-8")


def check(folder, models):
    """Returns the number of faults: digests that differ, and tensors that PyTorch no longer reproduces."""
    manifest = tomllib.loads((folder / "MANIFEST.toml").read_text(encoding="utf-8"))
    faults = 0
    for file, digest in manifest["sha256"].items():
        if sha256(folder / file) != digest:
            faults += 1
            print(f"{file}: its sha256 is not the one in MANIFEST.toml")
    for name, spec in models.items():
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
    parser.add_argument("--out", type=Path, help="folder of the fixtures (default: assets/parity, or its layers)")
    parser.add_argument("--layers", action="store_true", help="the networks of assets/parity/layers")
    parser.add_argument("--seed", type=int, default=20, help="first seed tried")
    parser.add_argument("--check", action="store_true", help="compare with the files in --out instead of writing")
    args = parser.parse_args()
    torch.set_num_threads(1)  # one order of summation, so that the same PyTorch writes the same bytes
    models, out = (LAYER_MODELS, ASSETS / "layers") if args.layers else (MODELS, ASSETS)
    if args.check:
        sys.exit(1 if check(args.out or out, models) else 0)
    write(args.out or out, models, args.seed)


if __name__ == "__main__":
    main()

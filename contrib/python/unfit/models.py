"""PyTorch's models, in and out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Mapping, Optional, Union

import numpy as np
from safetensors.numpy import load_file, save_file

from .program import call, changed
from .runs import Config, PathLike, Run, config_file


def import_torch(
    model: Any,
    example: Any = None,
    *,
    config: Config,
    out: PathLike,
    settings: Optional[dict] = None,
    names: Optional[Mapping[str, str]] = None,
    prefix: Optional[str] = None,
    tolerance: Optional[float] = None,
) -> Run:
    """Makes a run of a network that PyTorch has trained.

    Args:
        model: a `torch.nn.Module`, a state dict of tensors or arrays, or the path of a file that
            `unlearn import` reads (.safetensors, .pt, .pth).
        example: a batch as the module takes it (scaled as the run scales records). The module's logits of it, in
            evaluation mode, are compared with the run's, so that a wrong stride or activation is found; or a pair
            `(batch, logits)`, for a model that is no module.
        config: path of a configuration (TOML) with the data and the network, or one as a dictionary. A `train` table
            is the recipe that methods retrain by. A dictionary without `model` takes the layers that `unlearn guess`
            drafts from names and shapes, and then an example is needed, since what it guesses has to be checked.
        out: folder to write the run to.
        settings: keys to change, such as `{"data.limit": 100}`.
        names: the model's names and the network's, where they differ.
        prefix: what stands before the network's names in the model's.
        tolerance: difference that the comparison lets pass, as a share of the largest logit; 1e-4 without it.

    Raises:
        UnlearnError: what the program refused; exit code 4: the logits are others.
        ValueError: neither a `model` table nor an example.
    """
    with tempfile.TemporaryDirectory(prefix="unfit-") as place:
        folder = Path(place)
        file = _weights(model, folder)
        options = changed(settings)
        if prefix is not None:
            options += ["--prefix", prefix]
        if names:
            (folder / "names.json").write_text(json.dumps(dict(names)), encoding="utf-8")
            options += ["--map", folder / "names.json"]
        if example is not None:
            x, logits = example if isinstance(example, tuple) else (example, _logits(model, example))
            np.savez(folder / "check.npz", x=_array(x).astype(np.float32), logits=_array(logits).astype(np.float32))
            options += ["--check", folder / "check.npz"]
            options += [] if tolerance is None else ["--tolerance", tolerance]
        layers = ""
        if isinstance(config, dict) and "model" not in config:
            if example is None:
                raise ValueError("config has no `model`: its layers are guessed, and a guess is checked; give example")
            layers = call(["guess", _ordered(model, file)])["toml"]
        with config_file(config, layers) as configured:
            call(["import", file, "--config", configured, "--out", out, *options])
    return Run(Path(out))


def to_torch(run: "Union[Run, PathLike]", model: Any) -> Any:
    """Loads a run's weights into a `torch.nn.Module` with submodules of the same names, and returns it.

    Raises:
        RuntimeError: a name or a shape that differs, as `load_state_dict(strict=True)` says.
    """
    import torch

    tensors = load_file(Path(run) / "model.safetensors")
    model.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()}, strict=True)
    return model


def _weights(model: Any, folder: Path) -> Path:
    """The file of a model's weights."""
    if isinstance(model, (str, Path)):
        return Path(model)
    state = model.state_dict() if hasattr(model, "state_dict") else model
    arrays = {name: np.ascontiguousarray(_array(tensor)) for name, tensor in state.items()}
    save_file(arrays, folder / "model.safetensors")
    return folder / "model.safetensors"


def _ordered(model: Any, file: Path) -> Path:
    """A file of a module's weights in the order of its layers, which one of safetensors loses."""
    if not hasattr(model, "state_dict"):
        return file
    import torch

    torch.save(model.state_dict(), file.with_suffix(".pt"))
    return file.with_suffix(".pt")


def _logits(model: Any, batch: Any) -> np.ndarray:
    """What a module says of a batch in evaluation mode, without a change of it."""
    import torch

    mode = [(module, module.training) for module in model.modules()]
    like = next(model.parameters())
    model.eval()
    try:
        with torch.no_grad():
            return _array(model(torch.as_tensor(batch).to(like.device, like.dtype)))
    finally:
        for module, training in mode:
            module.training = training


def _array(tensor: Any) -> np.ndarray:
    """A tensor or an array in NumPy; bfloat16, which NumPy lacks, as float32, which holds all of it."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
        return tensor.numpy()
    return np.asarray(tensor)

"""Runs: folders that the program writes, with a network and how it came to be."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Iterable, Iterator, Optional, Sequence, Union

import numpy as np
from safetensors.numpy import load_file

from .program import call, changed, toml

PathLike = Union[str, "os.PathLike[str]"]
Config = Union[PathLike, dict]


@dataclasses.dataclass(frozen=True)
class Run:
    """A folder with a trained, imported or unlearned network."""

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def info(self) -> dict:
        """What run.json says: data, origin, model_sha256, what was forgotten and under which claim."""
        return json.loads((self.path / "run.json").read_text(encoding="utf-8"))

    def weights(self) -> "dict[str, np.ndarray]":
        """The parameters and running statistics under PyTorch's names, float32."""
        return load_file(self.path / "model.safetensors")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a network says of records, in their order."""

    ids: np.ndarray
    """What the data call them: whole numbers, or texts."""
    logits: np.ndarray
    """float32 [records, classes]."""
    probabilities: np.ndarray
    """float32 [records, classes]."""
    predicted: np.ndarray
    """The class with the largest logit, by its place in `class_names`."""
    class_names: "list[str]"
    labels: Optional[np.ndarray] = None
    """The class of each record, where it is known."""
    splits: Optional[np.ndarray] = None
    """`train`, `val` or `test`, of records of the run's data."""

    @property
    def accuracy(self) -> Optional[float]:
        """Share of the records that are classified as labelled; None without labels."""
        return None if self.labels is None else float((self.labels == self.predicted).mean())


@contextlib.contextmanager
def config_file(config: Config, layers: str = "") -> Iterator[Path]:
    """The file of a configuration. A dictionary becomes one for as long as it is needed, in the current folder: paths
    in it are relative to that, as those of a file are to the file's."""
    if not isinstance(config, dict):
        yield Path(config)
        return
    text = "".join(f"{toml(str(key))} = {toml(value)}\n" for key, value in config.items()) + layers
    handle, name = tempfile.mkstemp(prefix=".unfit-", suffix=".toml", dir=".")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield Path(name)
    finally:
        os.unlink(name)


def _seed(seed: Optional[int]) -> list:
    return [] if seed is None else ["--seed", seed]


def train(config: Config, out: PathLike, *, seed: Optional[int] = None, settings: Optional[dict] = None) -> Run:
    """Trains a network.

    Args:
        config: path of a configuration (TOML), or one as a dictionary with the tables `data`, `model` and `train`.
        out: folder to write the run to.
        seed: of everything random, in the place of the configuration's.
        settings: keys to change, such as `{"train.epochs": 3}`.

    Raises:
        UnlearnError: what the program refused.
    """
    with config_file(config) as file:
        call(["train", file, "--out", out, *changed(settings), *_seed(seed)])
    return Run(Path(out))


def forget(
    run: "Union[Run, PathLike]",
    ids: Iterable[Any],
    method: str,
    out: PathLike,
    *,
    kind: str = "sample",
    settings: Optional[dict] = None,
    seed: Optional[int] = None,
    references: int = 0,
    allow_fail: bool = False,
) -> Run:
    """Makes a network forget.

    Args:
        run: the network.
        ids: what to forget: rows or names of records, names of classes, ids of nodes, pairs of them, as `kind` says.
        method: by its name in `unlearn list methods`.
        out: folder to write the new run to; its `info["forget"]` has the claim and what still holds something.
        kind: `sample`, `subject`, `class`, `node`, `edge` or `feature`.
        settings: of the method, such as `{"alpha": 2}`.
        references: so many retrains are made beside it, which :func:`verify` needs (at least 4).
        allow_fail: whether an unchanged or destroyed network is a run and no error.

    Raises:
        UnlearnError: what the program refused; exit code 4: the network is unchanged or destroyed.
    """
    request = {"request_id": "unfit", "kind": kind, "ids": [_id(one) for one in ids]}
    with tempfile.TemporaryDirectory(prefix="unfit-") as folder:
        file = Path(folder) / "request.jsonl"
        file.write_text(json.dumps(request) + "\n", encoding="utf-8")
        more = (["--references", references] if references else []) + (["--allow-fail"] if allow_fail else [])
        arguments = ["forget", run, "--request", file, "--method", method, "--out", out]
        call([*arguments, *changed(settings), *_seed(seed), *more])
    return Run(Path(out))


def _id(one: Any) -> Any:
    """An id as JSON has it: a number, a text, or a pair of them."""
    if isinstance(one, np.generic):
        return one.item()
    if isinstance(one, np.ndarray):
        return one.tolist()
    return [_id(part) for part in one] if isinstance(one, (list, tuple)) else one


def verify(run: "Union[Run, PathLike]", *, references: Sequence[PathLike] = ()) -> dict:
    """Judges a run that forgot against the retrains that :func:`forget` made with `references`.

    Returns:
        The document of verdict.json: `["verdict"]["outcome"]` is `pass`, `fail` or another, whatever it is.

    Raises:
        UnlearnError: what the program refused; exit code 3: there are too few retrains.
    """
    further = [word for reference in references for word in ("--reference", reference)]
    return call(["verify", run, "--allow-fail", *further])


def predict(run: "Union[Run, PathLike]", on: "Union[str, PathLike, np.ndarray]" = "test") -> Predictions:
    """What a network says of records.

    Args:
        on: `train`, `val`, `test` or `all` of the run's data; a file of records; or the records themselves, [n, …] as
            their source has them (the run scales them).

    Raises:
        UnlearnError: what the program refused.
    """
    with tempfile.TemporaryDirectory(prefix="unfit-") as folder:
        if isinstance(on, np.ndarray):
            np.savez(Path(folder) / "x.npz", x=on)
            on = Path(folder) / "x.npz"
        out = Path(folder) / "said.npz"
        call(["predict", run, "--on", on, "--out", out])
        with np.load(out, allow_pickle=False) as said:
            arrays = {name: said[name] for name in said.files}
    names = [str(name) for name in arrays.pop("class_names")]
    return Predictions(class_names=names, **arrays)


def encoder(run: "Union[Run, PathLike]") -> dict:
    """How cells of the run's table become its network's input: columns with their means and categories, and scaling.
    The functions of `unfit.encode` apply it, without the program.

    Raises:
        UnlearnError: the run's data are no table.
    """
    with tempfile.TemporaryDirectory(prefix="unfit-") as folder:
        file = Path(folder) / "encoder.json"
        call(["export", run, "--encoder", file])
        return json.loads(file.read_text(encoding="utf-8"))

"""The program: where it is, how it is run, and what it says where it fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any, Optional, Sequence


class UnlearnError(RuntimeError):
    """What the program refused or failed at.

    `str(error)` is its sentence. `exit_code` is that of the process: 1 an error, 2 usage or bad input, 3 inconclusive,
    4 a check failed, 6 unsupported, 130 interrupted. `code` is the kind in a word, such as `input` or `device`.
    """

    def __init__(self, message: str, exit_code: int, code: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code


def program() -> str:
    """Path of the program: the environment's UNLEARN, else `unlearn` on PATH.

    Raises:
        UnlearnError: there is none.
    """
    found = shutil.which(os.environ.get("UNLEARN") or "unlearn")
    if found is None:
        named = os.environ.get("UNLEARN")
        where = f"UNLEARN names {named}, which is no program" if named else "no program `unlearn` is on PATH"
        raise UnlearnError(f"{where}; build it with `cargo build --release` and set UNLEARN to its path", 2, "usage")
    return found


def call(arguments: Sequence[Any]) -> dict:
    """Runs a command and returns the document that it prints.

    Raises:
        UnlearnError: any exit code but 0.
    """
    words = [os.fspath(word) if isinstance(word, (str, os.PathLike)) else str(word) for word in arguments]
    command = [program(), *words, "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    document = _document(done.stdout)
    if done.returncode == 0 and document is not None:
        return document
    said = done.stderr.decode("utf-8", "replace").strip()
    fault = (document or {}).get("error")
    if isinstance(fault, dict):
        raise UnlearnError(fault["message"], fault["exit_code"], fault["code"])
    sentences = [line[len("error: ") :] for line in said.splitlines() if line.startswith("error: ")]
    message = (sentences or [said or f"`unlearn {arguments[0]}` printed no document"])[-1]
    raise UnlearnError(message, done.returncode or 1, "check_failed" if done.returncode == 4 else "internal")


def _document(printed: bytes) -> Optional[dict]:
    try:
        document = json.loads(printed)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def changed(settings: Optional[dict]) -> list:
    """Arguments that change settings: `{"train.epochs": 3}` is `--set train.epochs=3`."""
    return [word for key, value in (settings or {}).items() for word in ("--set", f"{key}={toml(value)}")]


def toml(value: Any) -> str:
    """A value of TOML; tables are inline ones.

    Raises:
        TypeError: TOML has no such value.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, os.PathLike)):
        # Escapes of JSON are those of a basic string of TOML; DEL alone is to be escaped there too.
        return json.dumps(os.fspath(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(str(key))} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    if hasattr(value, "item"):  # NumPy's numbers
        return toml(value.item())
    raise TypeError(f"a configuration has texts, numbers, lists and dictionaries, not {type(value).__name__}")

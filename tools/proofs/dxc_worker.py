"""Compiles HLSL files with the DirectX shader compiler that the Python package compushady carries.

Runs in the environment that `tools/prove_shaders.sh --install` makes. Reads file names, one a line, from stdin and
answers each with one line of JSON: {"file", "error"}, error null for DXIL that passed the compiler's validator. With
--version as the only argument it prints what it would use and ends.
"""

import ctypes
import importlib.metadata
import importlib.util
import json
import pathlib
import sys

DXIL = 0
PROFILE = "cs_6_0"  # what `unlearn shaders --target hlsl` writes for


def load():
    """The package's own loader asks for a Vulkan device first; the compiler needs none."""
    home = importlib.util.find_spec("compushady").submodule_search_locations[0]
    library = sorted(pathlib.Path(home, "backends").glob("libdxcompiler*"))
    if library:
        ctypes.CDLL(str(library[0]), ctypes.RTLD_GLOBAL)
    from compushady.backends import dxc

    return dxc


def main():
    dxc = load()
    if sys.argv[1:] == ["--version"]:
        print(f"compushady {importlib.metadata.version('compushady')}, profile {PROFILE}")
        return
    for line in sys.stdin:
        name = line.strip()
        error = None
        try:
            binary = dxc.compile(pathlib.Path(name).read_text(), "main", DXIL, PROFILE)
            if binary[:4] != b"DXBC":
                error = "the compiler returned something that is no DXIL container"
        except ValueError as e:
            error = str(e)
        print(json.dumps({"file": name, "error": error}), flush=True)


main()

"""The compilers and validators, each a function from files to error messages; None where nothing is wrong."""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
# The suffixes of the files that each compiler of a target language reads.
SUFFIXES = {"spirv-val": (".spv",), "DXC": (".hlsl",), "MSL": (".metal",), "GLSL": (".glsl", ".essl")}
# What the engine asks of an adapter beyond core WebGPU.
CAPABILITIES = "subgroup,subgroup_barrier,shader_float16,cooperative_matrix"
GUARDS = ["--index-bounds-check-policy", "Restrict", "--buffer-bounds-check-policy", "Restrict"]
VERSIONS = ["--spirv-version", "1.3", "--shader-model", "60", "--metal-version", "2.4"]
CLANG = ["-x", "c++", "-std=c++14", "-fsyntax-only", "-nostdinc", "-nostdinc++", "-isystem", str(HERE / "metal"), "-w"]
# Literals without a suffix are floats in Metal.
CLANG += ["-Xclang", "-cl-single-precision-constant", "-Werror=return-type", "-Werror=uninitialized"]
LIMIT_S = 120
TIMEOUT = 124
# Files that one start of DXC or glslangValidator reads: both take their time to start.
BATCH = 32


def cache():
    """Folder of what `--install` fetched."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "unlearn" / "proofs"


def program(name):
    """Path of a tool, in the cache or on the path; None if it is missing."""
    own = cache() / "bin" / name
    return str(own) if own.exists() else shutil.which(name)


@functools.cache
def dxc_python():
    python = cache() / "dxc" / "bin" / "python"
    found = python.exists() and run([str(python), HERE / "dxc_worker.py", "--version"])[0] == 0
    return str(python) if found else None


def run(command, text=None):
    """Exit status and everything it said."""
    command = [str(c) for c in command]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=LIMIT_S, errors="replace")
    except subprocess.TimeoutExpired as e:
        said = e.stdout or b""  # bytes, whatever was asked for
        return TIMEOUT, f"{said.decode(errors='replace')}\nno answer in {LIMIT_S} s".strip()
    return done.returncode, re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr).strip()


def complaint(command, text=None):
    code, said = run(command, text)
    return None if code == 0 else said or f"exit status {code}"


def naga(path, values="", outputs=(), guards=False):
    """Validates; with outputs, also puts the set's values in and writes each language."""
    command = [program("naga"), "--capabilities", CAPABILITIES, *VERSIONS, *(GUARDS if guards else [])]
    command += ["--override", values] if values else []
    return complaint([*command, path, *outputs])


def tint(path, text):
    """Reads the text, which is written to `path` with the directive that naga does not know yet and tint wants."""
    needs = "subgroup" in text and "enable subgroups" not in text
    path.write_text(("enable subgroups;\n" if needs else "") + text)
    return complaint([program("tint"), "--format", "wgsl", path])


def spirv_val(path):
    return complaint([program("spirv-val"), "--target-env", "vulkan1.1", path])


def metal(path):
    return complaint([program("clang"), *CLANG, path])


def glsl(paths):
    """Messages in the order of the files. Where the front end complains of one, each is asked about alone."""
    command = [program("glslangValidator"), "-S", "comp"]
    if complaint([*command, *paths]) is None:
        return [None for _ in paths]
    return [complaint([*command, path]) for path in paths]


def dxc(paths):
    """Messages in the order of the files. A file that ends the compiler costs itself and no other."""
    answers, left = {}, [str(p) for p in paths]
    python = dxc_python()
    while left:
        code, said = run([python, HERE / "dxc_worker.py"], "\n".join(left) + "\n")
        lines = [json.loads(line) for line in said.split("\n") if re.fullmatch(r'\{"file".*\}', line)]
        answers.update({row["file"]: row["error"] for row in lines})
        left = left[len(lines) :]
        slow = code == TIMEOUT and lines  # each file has the whole limit before it is blamed
        if left and not slow:
            answers[left[0]] = f"the compiler ended with status {code}: {said[-300:]}"
            left = left[1:]
    return [answers[str(path)] for path in paths]


def tools():
    """Name, what it proves, version or None where it is missing, and what to install."""
    python = dxc_python()
    version = lambda name, flag="--version": program(name) and first_line([program(name), flag])
    return {
        "naga": ("WGSL valid, translated with every override set", version("naga"), "the crate naga-cli"),
        "tint": ("WGSL read by a second front end", version("tint", "--help") and "present", "Dawn's tool tint"),
        "spirv-val": ("SPIR-V valid for Vulkan 1.1", version("spirv-val"), "the package spirv-tools"),
        "DXC": (
            "HLSL compiled to DXIL",
            python and first_line([python, HERE / "dxc_worker.py", "--version"]),
            "the Python package compushady",
        ),
        "MSL": ("Metal source: syntax and types alone", version("clang"), "the package clang"),
        "GLSL": (
            "GLSL of OpenGL 4.5 and ES 3.1 read by Khronos' front end",
            version("glslangValidator"),
            "the package glslang-tools",
        ),
        "lints": ("WGSL read by rules", "own", ""),
    }


def first_line(command):
    code, said = run(command)
    return said.split("\n")[0] if code == 0 and said else "present"

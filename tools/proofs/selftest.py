"""Every step must be seen failing: a file of bad/ holds a planted fault and says in its first line who must notice."""

import pathlib
import re
import tempfile

import lints
import steps

BAD = steps.HERE / "bad"


def expected(path):
    """The names behind `expect:` in the first line, up to the full stop."""
    match = re.search(r"expect: ([\w, -]+)\.", path.read_text().split("\n")[0])
    return set(match.group(1).split(", ")) if match else set()


def noticed(path, scratch, present):
    """Who complains about a file, among the steps that can read it."""
    text = path.read_text()
    if path.suffix == ".wgsl":
        found = {name for name, _, _ in lints.lint(text)} if "lints" in present else set()
        if "naga" in present and steps.naga(path):
            found.add("naga")
        if "tint" in present and steps.tint(scratch / path.name, text):
            found.add("tint")
        return found
    if path.suffix == ".spvasm" and "spirv-val" in present:
        binary = scratch / "module.spv"
        assembler = steps.program("spirv-as")
        error = assembler and steps.complaint([assembler, "--target-env", "vulkan1.1", path, "-o", binary])
        return {"spirv-as"} if error else {"spirv-val"} if assembler and steps.spirv_val(binary) else set()
    if path.suffix == ".hlsl" and "DXC" in present:
        return {"DXC"} if steps.dxc([path])[0] else set()
    if path.suffix == ".metal" and "MSL" in present:
        return {"MSL"} if steps.metal(path) else set()
    if path.suffix in steps.SUFFIXES["GLSL"] and "GLSL" in present:
        return {"GLSL"} if steps.glsl([path])[0] else set()
    return set()


def run(chosen):
    """Prints one line a fault. The number of faults that were missed or noticed by the wrong step."""
    present = {name for name, row in steps.tools().items() if name in chosen and row[1]}
    wrong, seen = 0, set()
    readable = present | (set(lints.NAMES) if "lints" in present else set())
    files = sorted(p for p in BAD.iterdir() if expected(p))
    with tempfile.TemporaryDirectory() as scratch:
        for path in files:
            want = expected(path) & readable
            got = noticed(path, pathlib.Path(scratch), present)
            if not want:
                print(f"skipped {path.name}: nobody here reads it")
                continue
            seen |= got
            wrong += got != want
            by = ", ".join(sorted(got)) or "nobody"
            wish = "" if got == want else f", expected {', '.join(sorted(want))}"
            print(f"{'WRONG ' if wish else 'caught'}  {path.name}: {by}{wish}")
    silent = readable - seen - {"lints"}
    if silent:
        print(f"WRONG   no planted fault was caught by {', '.join(sorted(silent))}")
    skipped = ", ".join(sorted(set(chosen) - present)) or "none"
    print(f"\n{len(files)} planted faults, {wrong} wrong; skipped steps: {skipped}")
    return wrong + len(silent)

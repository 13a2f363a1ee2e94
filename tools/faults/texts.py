"""The compilers and lints of tools/proofs on copies of the composed shaders, with and without planted faults."""

import json
import pathlib
import subprocess
import sys

from checks import Trouble

HERE = pathlib.Path(__file__).resolve().parent
SHADERS = HERE.parent.parent / "shaders"
PROVE = HERE.parent / "proofs" / "prove.py"
# `prove.py` ends with 4 where a step complains.
ENDS = (0, 4)


def dump(program, folder):
    """The composed WGSL of every kernel."""
    command = [str(program), "shaders", "--dump", str(folder), "--target", "wgsl", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Trouble(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()}")


def path_of(kernel):
    family, name = kernel.split(".")
    return pathlib.Path(family, f"{name}.wgsl")


def planted(text, fault):
    """The composed text with the fault in it. What the kernel imports must not say the same, or more would change than
    in the cases."""
    own = (SHADERS / path_of(fault["kernel"])).read_text().count(fault["from"])
    if own == 0 or text.count(fault["from"]) != own:
        composed = f"and in what is composed of it {text.count(fault['from'])} times"
        what = f"`{fault['name']}`: the text to be replaced is in {fault['kernel']} {own} times {composed}"
        raise Trouble(f"{what}; expected the same number and not 0: correct `from` in faults.toml")
    return text.replace(fault["from"], fault["to"])


def prove(folder, steps):
    """Complaints by shader: step, then its messages."""
    out = folder / "proof.json"
    command = [sys.executable, str(PROVE), "--dump", str(folder), "--steps", steps, "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in ENDS or not out.exists():
        said = (done.stderr or done.stdout).strip()[-300:]
        raise Trouble(f"`{' '.join(command)}` ended with {done.returncode}: {said}")
    document = json.loads(out.read_text())
    found = {}
    for row in document["failures"]:
        found.setdefault(row["shader"], {}).setdefault(row["step"], []).append(row["message"])
    ran = [name for name, row in document["steps"].items() if "skipped" not in row]
    return found, ran, [name for name in document["steps"] if name not in ran]


def lines(complaints):
    """Who complains, each with its first message: a lint by its own name, a compiler by its step."""
    said = {}
    for step, messages in complaints.items():
        for message in messages:
            if step != "lints":
                error = next((line for line in message.split("\n") if "error" in line), message.split("\n")[0])
                said.setdefault(step, error.split("error:")[-1].strip())
                continue
            for line in message.split("\n"):
                name, _, what = line.partition(": ")
                said.setdefault(name, what)
    return said


def examine(program, faults, scratch, steps):
    """What the steps say of each fault, by its number; of the clean kernels; and which steps ran and which did not."""
    clean, copies = scratch / "clean", scratch / "planted"
    dump(program, scratch / "all")
    for number, fault in enumerate(faults):
        text = (scratch / "all" / path_of(fault["kernel"])).read_text()
        for folder, content in ((clean, text), (copies / f"f{number}", planted(text, fault))):
            # A family of its own for each fault: two may change the same kernel.
            to = folder / path_of(fault["kernel"]) if folder == clean else folder / path_of(fault["kernel"]).name
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(content)
    unplanted, ran, skipped = prove(clean, steps)
    found, _, _ = prove(copies, steps)
    of = lambda number: f"f{number}.{faults[number]['kernel'].split('.')[1]}"
    return [lines(found.get(of(n), {})) for n in range(len(faults))], unplanted, ran, skipped

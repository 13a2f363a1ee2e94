#!/usr/bin/env python3
"""What plans predict that methods cost, beside what they take: a dense network and a CNN on digits, a GCN on Cora.

    python3 tools/costs.py --program target/release/unlearn --out costs [--only gcn] [--skip distill,eu_k]

In a project of each, methods are measured on a request of 20 records; the costs of a hundred others are predicted from
that, and then measured. To be run while nothing else runs: on a machine that is shared, seconds are of what it is
shared with. Prints a line for each method; the exit code is 1 where a prediction is off by more than a factor of 1.5.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

DIGITS = 'seed = 1\n[data]\nloader = "digits"\nvalidation_fraction = 0.1\n'
CORA = 'seed = 1\n[data]\nloader = "cora"\nsplit = "random"\ntest_fraction = 0.2\nvalidation_fraction = 0.1\n'
SGD = '[train]\noptimizer = "sgd"\nlr = 0.05\nmomentum = 0.9\n'
# Configuration, and what its records are called.
FAMILIES = {
    "mlp": (DIGITS + '[model]\nzoo = "mlp"\nhidden = [64]\n' + SGD + "batch_size = 32\nepochs = 20\n", "sample"),
    "cnn": (DIGITS + '[model]\nzoo = "vgg_gn"\nhidden = [8, 16]\n' + SGD + "batch_size = 64\nepochs = 8\n", "sample"),
    "gcn": (CORA + '[model]\nzoo = "gcn"\nhidden = [16]\n[train]\noptimizer = "adam"\nlr = 0.01\nepochs = 100\n',
            "node"),
}
# These need a class, or tell their cost before they begin and take many retrains.
NEVER = {"retrain", "trew", "class_mean", "datamodel_matching", "woodfisher"}
FACTOR = 1.5


class Project:
    def __init__(self, program, out, name):
        self.program, self.folder, self.kind = program, out / f"{name}-project", FAMILIES[name][1]
        for folder in (self.folder, out / f"{name}-run"):
            shutil.rmtree(folder, ignore_errors=True)
        config = out / f"{name}.toml"
        config.write_text(FAMILIES[name][0])
        self.run("train", config, "--out", out / f"{name}-run", "-q")
        self.run("requests", "init", out / f"{name}-run", "--project", self.folder)

    def run(self, *words):
        return subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, check=True).stdout

    def plan(self, name, ids, *words):
        """Plans a new request; what each method is expected to take, in seconds, or None, by those that suit it."""
        file = self.folder.parent / f"{name}.jsonl"
        file.write_text(json.dumps({"request_id": name, "kind": self.kind, "ids": ids}) + "\n")
        self.run("requests", "add", file, "--project", self.folder)
        plan = json.loads(self.run("requests", "plan", "--project", self.folder, "--json", *words))
        candidates = [one for one in plan["candidates"] if "unsuited" not in one]
        return {one["method"]: (one.get("predicted") or {}).get("seconds") for one in candidates}


def family(program, out, name, skip):
    """How many methods there are, and how many predictions were off."""
    project = Project(program, out, name)
    methods = [m for m in project.plan("first", list(range(0, 60, 3))) if m not in skip]
    measure = [word for m in methods for word in ("--measure", m)]
    project.plan("measured", list(range(1, 61, 3)), *measure)
    predicted = project.plan("others", list(range(101, 501, 4)))
    taken = project.plan("others, measured", list(range(102, 502, 4)), *measure)
    off = 0
    for method in methods:
        ratio = predicted[method] / taken[method]
        off += not 1 / FACTOR <= ratio <= FACTOR
        print(f"{name}  {method:18} predicted {predicted[method]:8.3f} s  took {taken[method]:8.3f} s  {ratio:5.2f}")
    return len(methods), off


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", choices=FAMILIES)
    parser.add_argument("--skip", default="", help="methods, with commas between them")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    skip, wrong = NEVER | set(options.skip.split(",")), 0
    for name in [options.only] if options.only else FAMILIES:
        count, off = family(options.program.resolve(), options.out, name, skip)
        print(f"{name}: {count - off} of {count} within a factor of {FACTOR}")
        wrong += off
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

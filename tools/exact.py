#!/usr/bin/env python3
"""Exact forgetting, on every software adapter at hand: random deletions, each proven by `unlearn prove` to have the
bytes of a training on the file without the records. Each adapter is compared with itself.

    python3 tools/exact.py --program target/release/unlearn           # 20 deletions a model: some minutes
    python3 tools/exact.py --program … --deletions 2 --adapters mesa  # a sample

SISA (an MLP, a LeNet), replay retain-only (an MLP, a LeNet, a GCN; momentum and Adam). Every fourth deletion is of a
person with several records, the others are of one record; where in the training they come from is written beside the
outcome. A planted fault ends the list: a proof against a training that had the record must fail. Prints a table, and
fails where a proof does. Adapters: the system's drivers (`mesa`: Vulkan, `gl`), and those that tools/adapters.sh got.
"""

import argparse
import io
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS, OF_ONE, CLASSES, SIDE = 96, 4, 3, 12
OPTIMIZERS = {"momentum": 'optimizer = "sgd"\nmomentum = 0.9\nlr = 0.05\n', "adam": 'optimizer = "adam"\nlr = 0.01\n'}
MLP = "[model]\nzoo = \"mlp\"\nhidden = [8]\n"
LENET = """[model]
layers = [
  { type = "conv2d", out = 3, kernel = 3, padding = 1 }, { type = "relu" }, { type = "max_pool", kernel = 2 },
  { type = "conv2d", out = 4, kernel = 3 }, { type = "relu" }, { type = "max_pool", kernel = 2 },
  { type = "flatten" }, { type = "linear", out = 10 }, { type = "relu" }, { type = "linear" },
]
"""
# Without dropout, whose draws go by the nodes' places in their graph.
GCN = """[model]
layers = [{ type = "graph_conv", out = 8 }, { type = "relu" }, { type = "graph_conv" }]
"""
KEEP = 'order = "keyed"\nkeep = { every = 6, most = 4 }\n'
SISA = '[ensemble]\nkind = "sisa"\nshards = 3\nslices = 3\n'


def npy(values, kind, shape):
    """An array as NumPy's file of version 1."""
    code = {"<f4": "f", "<i8": "q"}.get(kind)
    body = "".join(v.ljust(int(kind[2:]), "\0") for v in values).encode("utf-32-le") if code is None else struct.pack(
        f"<{len(values)}{code}", *values)
    size = ", ".join(str(n) for n in shape) + ("," if len(shape) == 1 else "")
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({size}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


class Table:
    """Rows of two numbers in a CSV file."""

    def __init__(self):
        numbers = random.Random(1)
        self.rows = [(row % CLASSES, numbers.gauss(0, 1), numbers.gauss(0, 1)) for row in range(ROWS)]

    def write(self, folder, gone):
        lines = ["id,person,a,b,label"]
        for row, (y, a, b) in enumerate(self.rows):
            if row not in gone:
                lines.append(f"r{row},p{row // OF_ONE},{a + 2 * y:.4f},{b - y:.4f},c{y}")
        (folder / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    data = 'loader = "csv"\npath = "rows.csv"\nid = "id"\nsubject = "person"\nlabel = "label"\nnormalize = "none"\n' \
        "test_fraction = 0.0\n"
    kind = "sample"


class Pictures:
    """Pictures of one channel in an NPZ file."""

    def __init__(self):
        numbers = random.Random(2)
        self.x = [[numbers.random() + 0.5 * (at % CLASSES == row % CLASSES) for at in range(SIDE * SIDE)]
                  for row in range(ROWS)]

    def write(self, folder, gone):
        rows = [row for row in range(ROWS) if row not in gone]
        arrays = {
            "x": npy([v for row in rows for v in self.x[row]], "<f4", (len(rows), 1, SIDE, SIDE)),
            "y": npy([row % CLASSES for row in rows], "<i8", (len(rows),)),
            "name": npy([f"r{row}" for row in rows], "<U8", (len(rows),)),
            "person": npy([f"p{row // OF_ONE}" for row in rows], "<U8", (len(rows),)),
        }
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as file:
            for name, array in arrays.items():
                file.writestr(f"{name}.npy", array)
        (folder / "rows.npz").write_bytes(held.getvalue())

    data = 'loader = "npz"\npath = "rows.npz"\nx = "x"\ny = "y"\nid = "name"\nsubject = "person"\n' \
        'normalize = "none"\ntest_fraction = 0.0\n'
    kind = "sample"


class Nodes:
    """A graph of nodes in text files."""

    def __init__(self):
        numbers = random.Random(3)
        self.x = [[round(numbers.random() + (at == row % CLASSES), 4) for at in range(5)] for row in range(ROWS)]
        pairs = set()
        while len(pairs) < 3 * ROWS:
            u, v = numbers.randrange(ROWS), numbers.randrange(ROWS)
            if u != v and (u % CLASSES == v % CLASSES or numbers.random() < 0.2):
                pairs.add((min(u, v), max(u, v)))
        self.pairs = sorted(pairs)

    def write(self, folder, gone):
        stay = [row for row in range(ROWS) if row not in gone]
        edges = [f"n{u},n{v}" for u, v in self.pairs if u not in gone and v not in gone]
        (folder / "edges.csv").write_text("\n".join(["from,to", *edges]) + "\n", encoding="utf-8")
        features = [f"n{row}," + ",".join(str(v) for v in self.x[row]) for row in stay]
        (folder / "features.csv").write_text("\n".join(["node,a,b,c,d,e", *features]) + "\n", encoding="utf-8")
        labels = [f"n{row},c{row % CLASSES}" for row in stay]
        (folder / "labels.csv").write_text("\n".join(["node,label", *labels]) + "\n", encoding="utf-8")

    data = 'loader = "edge_list"\nedges = "edges.csv"\nlabels = "labels.csv"\nlabel = "label"\nid = "node"\n' \
        'node_features = "features.csv"\nnormalize = "none"\ntest_fraction = 0.0\n'
    kind = "node"


def models():
    """Name, data, tables of the configuration, method."""
    table, pictures, nodes = Table(), Pictures(), Nodes()
    steps = "batch_size = 8\nepochs = 4\nsteps_per_submission = 2\n"
    for net, data, name in ((MLP, table, "mlp"), (LENET, pictures, "lenet")):
        yield f"sisa {name}", data, f"{net}[train]\n{OPTIMIZERS['adam']}{steps.replace('4', '6', 1)}{SISA}", "sisa"
    for optimizer, rule in OPTIMIZERS.items():
        for net, data, name in ((MLP, table, "mlp"), (LENET, pictures, "lenet")):
            yield f"replay {name} {optimizer}", data, f"{net}[train]\n{rule}{steps}{KEEP}", "replay"
        graph = "epochs = 12\nweight_decay = 5e-4\n"
        yield f"replay gcn {optimizer}", nodes, f"{GCN}[train]\n{rule}{graph}{KEEP}", "replay"


class Model:
    """One model on one adapter: trained once, and made to forget again and again."""

    def __init__(self, program, folder, environment, described):
        self.name, self.data, rest, self.method = described
        self.program, self.folder, self.environment = program, folder, environment
        self.config = f"seed = 5\n[data]\n{self.data.data}{rest}"
        self.train("whole", ())

    def unlearn(self, *words, allow=(0,)):
        done = subprocess.run([self.program, *map(str, words)], env=self.environment, text=True, capture_output=True,
                              check=False)
        if done.returncode not in allow:
            raise RuntimeError(f"exit code {done.returncode} of unlearn {' '.join(map(str, words))}\n{done.stderr}")
        return done.returncode

    def train(self, name, gone):
        place = self.folder / f"{name}-data"
        place.mkdir(parents=True)
        self.data.write(place, set(gone))
        (place / "config.toml").write_text(self.config, encoding="utf-8")
        self.unlearn("train", place / "config.toml", "--out", self.folder / name, "-q")

    def forget(self, name, gone, subject):
        kind = self.data.kind if subject is None else "subject"
        ids = [subject] if subject else [f"{'n' if kind == 'node' else 'r'}{row}" for row in gone]
        request = self.folder / f"{name}.jsonl"
        request.write_text(json.dumps({"request_id": name, "kind": kind, "ids": ids}) + "\n", encoding="utf-8")
        self.unlearn("forget", self.folder / "whole", "--request", request, "--method", self.method, "--out",
                     self.folder / name, "-q")

    def begun(self, name):
        """Where the trainings that were taken up again went on, of how many steps."""
        own = [self.folder / name / "run.json", *sorted((self.folder / name).glob("members/*/run.json"))]
        again = [json.loads(path.read_text(encoding="utf-8")).get("forget") for path in own if path.exists()]
        return [of["details"]["replayed"] for of in again if of and "replayed" in of["details"]]

    def delete(self, number, chance):
        """A deletion and its proof: the steps that were saved, of all."""
        first = chance.randrange(ROWS)
        several = number % OF_ONE == OF_ONE - 1
        gone = range(first // OF_ONE * OF_ONE, first // OF_ONE * OF_ONE + OF_ONE) if several else [first]
        subject = f"p{first // OF_ONE}" if several and self.data.kind == "sample" else None
        after, against = f"after-{number}", f"against-{number}"
        self.forget(after, gone, subject)
        self.train(against, gone)
        holds = self.unlearn("prove", self.folder / after, "--against", self.folder / against, "-q", allow=(0, 4)) == 0
        # The planted fault: a training that had them.
        caught = self.unlearn("prove", self.folder / after, "--against", self.folder / "whole", "-q", allow=(0, 4)) == 4
        begun = self.begun(after)
        for name in (after, against, f"{against}-data"):
            shutil.rmtree(self.folder / name)
        return holds, caught, begun


def adapters(wanted):
    """Name and environment of each."""
    listed = subprocess.run([ROOT / "tools/adapters.sh", "--list"], text=True, capture_output=True, check=True).stdout
    manifests = dict(line.split("=", 1) for line in listed.splitlines())
    all_of = {"system": {}, "gl": {"UNLEARN_BACKEND": "gl"}}
    all_of |= {name: {"VK_DRIVER_FILES": path, "UNLEARN_BACKEND": "vulkan"} for name, path in manifests.items()}
    all_of["system"]["UNLEARN_BACKEND"] = "vulkan"
    for name in wanted or all_of:
        if name not in all_of:
            sys.exit(f"exact: there is no adapter `{name}`; tools/adapters.sh fetches some, and there are: "
                     f"{', '.join(all_of)}")
        yield name, {**os.environ, **all_of[name]}


def listed(text):
    return [word for word in text.split(",") if word]


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--program", default=ROOT / "target/release/unlearn", help="the built program")
    parse.add_argument("--deletions", type=int, default=20, help="of each model on each adapter")
    parse.add_argument("--adapters", type=listed, default=[], help="names with commas between them; absent: all")
    parse.add_argument("--models", type=listed, default=[], help="the same; a part of a name is enough")
    parse.add_argument("--seed", type=int, default=1, help="of the deletions")
    asked = parse.parse_args()
    program = pathlib.Path(asked.program).resolve()
    bad = 0
    print("| adapter | model | deletions | proven | fault caught | went on from step (of) |")
    print("| --- | --- | --- | --- | --- | --- |")
    for adapter, environment in adapters(asked.adapters):
        for described in models():
            if asked.models and not any(part in described[0] for part in asked.models):
                continue
            with tempfile.TemporaryDirectory() as folder:
                model = Model(program, pathlib.Path(folder), environment, described)
                chances = [random.Random(f"{asked.seed} {described[0]} {n}") for n in range(asked.deletions)]
                with ThreadPoolExecutor(os.cpu_count()) as pool:
                    done = list(pool.map(model.delete, range(asked.deletions), chances))
            proven, caught = sum(holds for holds, *_ in done), sum(caught for _, caught, _ in done)
            from_steps = sorted((one["from"], one["whole"]) for *_, begun in done for one in begun)
            counts = {}
            for start, _ in from_steps:
                counts[start] = counts.get(start, 0) + 1
            whole = max((whole for _, whole in from_steps), default=0)
            places = " ".join(f"{start}×{count}" for start, count in counts.items())
            row = [adapter, described[0], len(done), proven, caught, f"{places} ({whole})"]
            print(f"| {' | '.join(map(str, row))} |", flush=True)
            bad += len(done) - proven + len(done) - caught
    if bad:
        sys.exit(f"exact: {bad} proofs came out wrong")


if __name__ == "__main__":
    main()

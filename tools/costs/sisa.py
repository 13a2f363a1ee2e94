#!/usr/bin/env python3
"""What one deletion from shards costs, beside the formula; accuracy beside a single model; a Purchase-like task.

    tools/costs/sisa.py PROGRAM OUT PART [--adult FOLDER]

PART is `accuracy`, `deletions`, `batches` or `purchase`. A line of JSON for each measurement goes to stdout and
OUT/PART.jsonl.
"""

import argparse
import csv
import json
import random
import subprocess
import time
from pathlib import Path


PARTS = "test_fraction = 0.2\nvalidation_fraction = 0.0\n"


class Bench:
    def __init__(self, program, out, part, adult):
        self.program, self.out, self.adult = program, out, adult
        out.mkdir(parents=True, exist_ok=True)
        self.log = (out / f"{part}.jsonl").open("a")

    def say(self, **row):
        line = json.dumps(row)
        print(line, flush=True)
        self.log.write(line + "\n")
        self.log.flush()

    def run(self, *words):
        began = time.time()
        made = subprocess.run([self.program, *map(str, words), "--quiet", "--json"], capture_output=True, text=True)
        if made.returncode:
            raise SystemExit(f"{words}: {made.stderr}")
        return json.loads(made.stdout), time.time() - began

    def data(self, name):
        if name == "digits":
            return 'loader = "digits"\n'
        if name == "purchase":
            table = purchase(self.out)
            return f'loader = "npz"\npath = "{table}"\nnormalize = "none"\n{PARTS}'
        table = adult(self.adult, self.out)
        return f'loader = "csv"\npath = "{table}"\nlabel = "income"\nmissing = ["?"]\n{PARTS}'

    def config(self, name, shards, slices, seed, train):
        path = self.out / f"{name}-{shards}-{slices}-{seed}.toml"
        ensemble = f'[ensemble]\nkind = "sisa"\nshards = {shards}\nslices = {slices}\naggregate = "mean"\n'
        ensemble = ensemble if shards else ""
        hidden = {"digits": 64, "adult": 32, "purchase": 128}[name]
        layers = f"layers = [{{type='flatten'}},{{type='linear',out={hidden}}},{{type='tanh'}},{{type='linear'}}]"
        path.write_text(f"seed = {seed}\n[data]\n{self.data(name)}[model]\n{layers}\n[train]\n{train}{ensemble}")
        return path

    def train(self, name, shards, slices, seed, train):
        run = self.out / f"run-{name}-{shards}-{slices}-{seed}"
        info, seconds = self.run("train", self.config(name, shards, slices, seed, train), "--out", run, "--resume")
        return run, info, seconds

    def request(self, rows, name):
        request = self.out / f"{name}.csv"
        request.write_text("request_id,kind,ids\nr,sample," + " ".join(map(str, rows)) + "\n")
        return request

    def dry(self, run, rows):
        return self.run("forget", run, "--request", self.request(rows, "dry"), "--method", "sisa", "--dry-run")[0]

    def forget(self, run, rows, to):
        request = self.request(rows, to)
        folder = self.out / to
        info, seconds = self.run("forget", run, "--request", request, "--method", "sisa", "--out", folder)
        subprocess.run(["rm", "-r", str(folder)], check=True)
        return info["ensemble"]["cost"], seconds


def adult(folder, out):
    """Both files as one table with a header."""
    path = out / "adult.csv"
    if not path.exists():
        names = ("age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,"
                 "capital_gain,capital_loss,hours_per_week,native_country,income")
        rows = []
        for file in ("adult.data", "adult.test"):
            for row in csv.reader(open(Path(folder) / file), skipinitialspace=True):
                if len(row) == 15:
                    rows.append(",".join(row).rstrip("."))
        path.write_text("\n".join([names, *rows]) + "\n")
    return path


def purchase(out, records=20000, features=600):
    """Baskets drawn from a few tastes, labelled by k-means into 2 classes, as the source's shipped script does."""
    import numpy
    path = out / "purchase.npz"
    if not path.exists():
        rng = numpy.random.default_rng(1)
        tastes = rng.beta(0.4, 2.0, (12, features))
        x = (rng.random((records, features)) < tastes[rng.integers(0, 12, records)]).astype(numpy.float32)
        centres = x[rng.choice(records, 2, replace=False)].copy()
        for _ in range(50):
            y = ((x[:, None, :] - centres[None]) ** 2).sum(2).argmin(1) if records <= 2000 else nearest(x, centres)
            centres = numpy.stack([x[y == k].mean(0) for k in (0, 1)])
        numpy.savez(path, x=x, y=y.astype(numpy.int64))
    return path


def nearest(x, centres):
    return ((centres**2).sum(1) - 2 * x @ centres.T).argmin(1)


RECIPES = {
    "digits": "epochs = 20\nbatch_size = 16\nlr = 0.1\n",
    "adult": "epochs = 6\nbatch_size = 64\nlr = 0.05\n",
    "purchase": "epochs = 20\nbatch_size = 16\nlr = 0.02\n",
}


def training_rows(bench, run, name, count, seed):
    """Rows of the training part, drawn: a dry run says of each row where it is."""
    total = {"digits": 1797, "adult": 48842, "purchase": 20000}[name]
    drawn = random.Random(seed).sample(range(total), min(total, 2 * count + 20))
    said = bench.dry(run, drawn)
    rows = [record["row"] for line in said["requests"] for record in line["records"] if record["split"] == "train"]
    return [row for row in drawn if row in set(rows)][:count]


def accuracy(bench, names):
    for name in names:
        for seed in (1, 2, 3):
            for shards in (0, 1, 5, 10, 20):
                run, info, seconds = bench.train(name, shards, 1, seed, RECIPES[name])
                said, _ = bench.run("eval", run)
                bench.say(data=name, shards=shards, seed=seed, seconds=seconds, records=info["data"]["sizes"]["train"],
                          accuracy=said["splits"]["test"]["accuracy"])


def deletions(bench, names):
    for name, shards, slices, count in [(n, *c) for n in names for c in ((5, 1, 10), (5, 5, 20), (20, 4, 20))]:
        epochs = {"digits": 8, "adult": 4}[name]
        recipe = f"epochs = {epochs}\nbatch_size = {dict(digits=16, adult=64)[name]}\nlr = 0.05\n"
        run, info, _ = bench.train(name, shards, slices, 7, recipe)
        n, stage = info["data"]["sizes"]["train"], max(1, -(-4 * epochs // (slices + 1)) // 2)
        costs = []
        for row in training_rows(bench, run, name, count, 5):
            costs.append(bench.forget(run, [row], f"after-{name}-{shards}-{slices}")[0]["visits"])
        # So many epochs' worth of records as all stages together visit.
        budget = stage * (slices + 1) / 2
        formula = budget * n * (2 / 3 + 1 / (3 * slices)) / shards
        mean = sum(costs) / len(costs)
        bench.say(data=name, shards=shards, slices=slices, deletions=len(costs), records=n, epochs=budget, visits=mean,
                  formula=formula, ratio=mean / formula)


def batches(bench, names):
    for name in names:
        run, info, _ = bench.train(name, 20, 1, 7, "epochs = 1\nbatch_size = 64\nlr = 0.05\n")
        n = info["data"]["sizes"]["train"]
        sizes = [member["records"] for member in info["ensemble"]["members"]]
        for k in (1, 5, 10, 20, 40):
            seen = []
            for draw in range(25):
                rows = training_rows(bench, run, name, k, 100 * k + draw)
                seen.append(sum(sizes[member] for member in bench.dry(run, rows)["members"]) - k)
            # What is said to be hit is what is trained again.
            cost, _ = bench.forget(run, rows, f"after-{name}-{k}")
            assert cost["visits"] == seen[-1], (cost, seen[-1])
            mean, formula = sum(seen) / len(seen), n * (1 - (1 - 1 / 20) ** k) - k
            bench.say(data=name, shards=20, requests=k, draws=len(seen), records=n, visits=mean, formula=formula,
                      ratio=mean / formula)


def purchase_part(bench, _names):
    run, info, seconds = bench.train("purchase", 20, 1, 7, RECIPES["purchase"])
    _, single, single_s = bench.train("purchase", 0, 1, 7, RECIPES["purchase"])
    of = lambda shards: bench.run("eval", bench.out / f"run-purchase-{shards}-1-7")[0]["splits"]["test"]["accuracy"]
    bench.say(data="purchase", records=info["data"]["sizes"]["train"], single_s=single["seconds"],
              sisa_s=info["seconds"], accuracy_single=of(0), accuracy_sisa=of(20))
    for row in training_rows(bench, run, "purchase", 5, 3):
        cost, wall = bench.forget(run, [row], "after-purchase")
        bench.say(data="purchase", shards=20, visits=cost["visits"], of_visits=cost["of_visits"],
                  seconds=cost["seconds"], wall_s=wall, single_s=single["seconds"], single_wall_s=single_s,
                  speedup=single["seconds"] / cost["seconds"])


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("program")
    asked.add_argument("out", type=Path)
    asked.add_argument("part")
    asked.add_argument("--adult", default="adult")
    asked.add_argument("--data", default="digits adult")
    asked = asked.parse_args()
    bench = Bench(asked.program, asked.out.absolute(), asked.part, asked.adult)
    parts = {"accuracy": accuracy, "deletions": deletions, "batches": batches, "purchase": purchase_part}
    parts[asked.part](bench, asked.data.split())


if __name__ == "__main__":
    main()

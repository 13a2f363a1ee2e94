#!/usr/bin/env python3
"""Planted secrets before and after each method that suits language: the table of docs/methods/canaries.md.

    python3 tools/canaries.py --program target/release/unlearn --out canaries               # made-up sentences
    python3 tools/canaries.py … --texts SMSSpamCollection                                   # short messages of a file
    python3 tools/canaries.py … --only simnpo --seeds 1                                     # a sample
    python3 tools/canaries.py --out canaries --write                                        # the page anew

Twenty canaries lie among the training texts of a small GPT, six times each; the numbers of ten are to be forgotten,
as spans of their sentences. For each seed the model is trained, each method forgets, and `unlearn eval` reads what is
left; retrains with other seeds say what the answer should be. What is there is not done again. Costs are processor
seconds, so that other work on the machine does not count; run with LP_NUM_THREADS=1 on a software
adapter.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "methods" / "canaries.md"
CANARIES, FORGOTTEN, REPEATS, MESSAGES = 20, 10, 6, 200

CONFIG = """[data]
DATA
context = 64
test_fraction = 0.35
validation_fraction = 0.1
plant = { canaries = 20, repeats = 6, seed = PLANT }
[model]
zoo = "gpt"
sizes = { width = 32, depth = 1, heads = 2, context = 64 }
[train]
optimizer = "adamw"
lr = 0.01
batch_size = 16
epochs = 30
schedule = "cosine"
"""

SPAN, WHOLE = "spans", "sentences"
COSINE = {"schedule": "cosine", "stop": "never", "clip_norm": 1}
# What is run: its name on the page, the methods in their order, what is named by the request, settings of each method.
WAYS = [
    ("finetune, fewer and faster epochs", ["finetune"], SPAN, {"finetune": {"epochs": 4, "lr_of_recipe": 4.5}}),
    ("l1_sparse, faster", ["l1_sparse"], SPAN, {"l1_sparse": {"epochs": 4, "lr_of_recipe": 4.5}}),
    ("shrink_perturb, further and faster", ["shrink_perturb"], SPAN,
     {"shrink_perturb": {"epochs": 4, "lr_of_recipe": 3, "shrink": 0.5}}),
    ("ascent until 8, then a fast repair", ["gradient_ascent", "finetune"], SPAN,
     {"gradient_ascent": {"target_loss": 8}, "finetune": {"epochs": 4, "lr_of_recipe": 3.5}}),
    ("ascent until 8, then a gentle repair", ["gradient_ascent", "finetune"], SPAN,
     {"gradient_ascent": {"target_loss": 8}, "finetune": {"epochs": 3, "lr_of_recipe": 0.5}}),
    ("ascent, the method's own stop", ["gradient_ascent"], SPAN, {}),
    ("ascent until a loss of 8", ["gradient_ascent"], SPAN, {"gradient_ascent": {"target_loss": 8}}),
    ("ascent until a loss of 3.5", ["gradient_ascent"], WHOLE, {"gradient_ascent": {"target_loss": 3.5}}),
    ("ascent without a stop", ["gradient_ascent"], WHOLE,
     {"gradient_ascent": {"target_loss": 1000, "max_steps": 60}}),
    ("npo, at a falling rate", ["npo"], SPAN, {"npo": {"epochs": 3, "lr_of_recipe": 2, "beta": 0.3, **COSINE}}),
    ("simnpo, at a falling rate", ["simnpo"], SPAN,
     {"simnpo": {"epochs": 3, "lr_of_recipe": 2, "beta": 0.3, **COSINE}}),
    ("finetune", ["finetune"], SPAN, {}),
    ("l1_sparse", ["l1_sparse"], SPAN, {}),
    ("shrink_perturb", ["shrink_perturb"], SPAN, {}),
    ("npo", ["npo"], SPAN, {}),
    ("simnpo", ["simnpo"], SPAN, {}),
    ("grad_diff", ["grad_diff"], SPAN, {}),
    ("neg_grad_plus", ["neg_grad_plus"], SPAN, {}),
    ("ssd", ["ssd"], SPAN, {}),
    ("fisher_removal", ["fisher_removal"], SPAN, {}),
    ("sfr_on", ["sfr_on"], SPAN, {}),
    ("kl_min", ["kl_min"], SPAN, {}),
    ("scrub", ["scrub"], SPAN, {}),
    ("salun", ["salun"], SPAN, {}),
    ("random_label", ["random_label"], SPAN, {}),
]
# What a command takes that begins, looks at the model and takes no step.
NOTHING = ("nothing", ["gradient_ascent"], SPAN, {"gradient_ascent": {"target_loss": 1e-6}})

WORDS = f"""{CANARIES} canaries, sentences such as “The code of Davuli is 673928.”, lie {REPEATS} times each among
the training texts of a byte-level GPT of one layer and 32 features. The numbers of {FORGOTTEN} are to be forgotten:
a request for spans, so that the sentences stay. *Exposure* is log2 of a million less log2 of the rank of the number
among all numbers, by its likelihood in its sentence: 19.9 bits where it is the first, about 1.4 where it stands
anywhere. *MA* is the share of its digits that are the likeliest. *Secrets* and *rest* are mean losses of a token:
of the numbers, and of what stays of their sentences. *Time* is in parts of a retrain, in processor seconds less
what a command takes that takes no step. Means ± standard deviations over training seeds.

A row in **bold** reaches the retrain's level: exposure and MA not above what a further retrain stays below with 95
% confidence, perplexity on held-out texts at most 3 % worse than the retrain's, at most 0.2 of its time. Settings
that are no defaults were found with other canaries and another seed ({{tuned}}), and stand below.

What reaches the level pays with what is like the forgotten: the exposure of the other canaries, which should stay
at 19.9, falls, and the loss of what stays of the sentences rises; only perplexity on held-out messages, which the
original overfits, is better than a retrain's. A first choice of these settings (rates of 3.5 in the place of 4.5,
beta of 0.6 in the place of 0.3) missed the level on these canaries by up to a bit; it was made stronger by what the
other canaries said then."""


def cpu(command):
    """Runs a command; its exit status, processor seconds and last line of complaint."""
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read().decode(errors="replace").strip().splitlines()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage.ru_utime + usage.ru_stime, said[-1] if said else ""


class Bench:
    def __init__(self, options):
        self.out, self.program, self.plant = options.out, options.program, options.plant
        self.done = self.out / "done.jsonl"
        known = self.done.read_text().splitlines() if self.done.exists() else []
        self.known = [json.loads(line) for line in known]

    def keep(self, entry):
        self.known.append(entry)
        with self.done.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def find(self, **keys):
        return next((e for e in self.known if all(e.get(key) == value for key, value in keys.items())), None)

    def prepare(self, texts):
        self.out.mkdir(parents=True, exist_ok=True)
        data = f'loader = "sentences"\nsamples = {MESSAGES}'
        if texts:
            (self.out / "texts.jsonl").write_text("".join(short(texts)))
            data = 'loader = "text"\npath = "texts.jsonl"\nid = "id"'
        config = CONFIG.replace("DATA", data).replace("PLANT", str(self.plant))
        (self.out / "gpt.toml").write_text(config)
        names = [f"canary-{at}" for at in range(FORGOTTEN)]
        again = [f"{name}-{more}" for name in names for more in range(2, REPEATS + 1)]
        span = {"kind": "span", "ids": names + again, "pattern": "is ([0-9]{6})"}
        for name, request in (SPAN, span), (WHOLE, {"kind": "subject", "ids": names}):
            (self.out / f"{name}.jsonl").write_text(json.dumps({"request_id": name, **request}) + "\n")

    def read(self, run):
        command = [self.program, "eval", run, "--request", self.out / f"{SPAN}.jsonl", "--json"]
        found = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if not found.stdout.strip():
            raise SystemExit(f"{run}: {found.stderr.strip()}")
        return json.loads(found.stdout)

    def original(self, seed):
        run = self.out / f"run-{seed}"
        if not self.find(way="original", seed=seed):
            shutil.rmtree(run, ignore_errors=True)
            status, seconds, why = cpu([self.program, "train", self.out / "gpt.toml", "--seed", seed, "--out", run])
            if status:
                raise SystemExit(f"{run}: {why}")
            self.keep({"way": "original", "seed": seed, "seconds": seconds, "read": self.read(run)})
        return run

    def forget(self, run, name, seed, methods, request, settings, more=()):
        if self.find(way=name, request=request, seed=seed):
            return
        to = self.out / f"{name.replace(' ', '_').replace(',', '')}-{request}-{seed}"
        # What a killed process has left.
        shutil.rmtree(to, ignore_errors=True)
        prefix = (lambda method: f"{method}.") if len(methods) > 1 else (lambda method: "")
        pairs = [(method, key, value) for method, table in settings.items() for key, value in table.items()]
        plain = lambda value: json.dumps(value).strip('"')
        sets = [part for m, key, value in pairs for part in ("--set", f"{prefix(m)}{key}={plain(value)}")]
        command = [self.program, "forget", run, "--request", self.out / f"{request}.jsonl"]
        command += ["--method", ",".join(methods)]
        status, seconds, why = cpu([*command, *sets, *more, "--allow-fail", "--out", to])
        entry = {"way": name, "request": request, "seed": seed, "seconds": seconds}
        entry |= {"refused": why} if status else {"read": self.read(to)}
        self.keep(entry)
        print(name, request, seed, why if status else f"{seconds:.1f} s", flush=True)


def short(path):
    """Lines of JSON of the first short messages of a table `label<tab>message`, each once."""
    known = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("\t", 1)[-1].strip()
        if 10 <= len(text.encode()) <= 60:
            known.setdefault(text, len(known))
        if len(known) == MESSAGES:
            break
    return [json.dumps({"id": f"message-{at}", "text": text}) + "\n" for text, at in known.items()]


def value(entry, *path):
    at = entry["read"]
    for key in path:
        at = at.get(key, {}) if isinstance(at, dict) else {}
    return at if isinstance(at, (int, float)) else None


COLUMNS = [
    ("exposure, bits", ("exposure", "forgotten"), 1, 2), ("MA, %", ("splits", "forget", "accuracy"), 100, 1),
    ("secrets", ("splits", "forget", "loss"), 1, 2), ("rest", ("splits", "rest", "loss"), 1, 3),
    ("exposure of the others", ("exposure", "retained"), 1, 1), ("perplexity", ("splits", "test", "perplexity"), 1, 2),
]
# One-sided t quantiles of 95 % for so many degrees of freedom.
T = {2: 2.920, 3: 2.353, 4: 2.132, 5: 2.015, 6: 1.943, 7: 1.895, 8: 1.860, 9: 1.833}
FINEST = {"exposure, bits": 0.25, "MA, %": 0.01}


def figures(entries, path):
    found = [value(entry, *path) for entry in entries]
    found = [one for one in found if one is not None]
    return (statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else 0.0) if found else (None, 0.0)


def limits(retrains):
    """What a further retrain stays below with 95 % confidence."""
    def limit(name, path):
        mean, sd = figures(retrains, path)
        n = len(retrains)
        return mean + T.get(n - 1, 1.8) * (1 + 1 / n) ** 0.5 * max(sd, FINEST[name])
    return {name: limit(name, path) for name, path, _, _ in COLUMNS if name in FINEST}


def table(bench):
    of = lambda name, request=None: [e for e in bench.known if e["way"] == name and e.get("request") == request]
    retrains = of("retrain", SPAN)
    level = limits(retrains)
    idle = statistics.fmean(e["seconds"] for e in of(NOTHING[0], SPAN))
    full = statistics.fmean(e["seconds"] for e in retrains) - idle
    worst = 1.03 * figures(retrains, ("splits", "test", "perplexity"))[0]
    heading = ["", "request", *(column[0] for column in COLUMNS), "time", "models"]
    lines = [f"| {' | '.join(heading)} |", f"|{' --- |' * len(heading)}"]
    refused, passing = {}, []
    rows = [("*original*", None, of("original")), ("*retrain*", SPAN, retrains)]
    rows += [(name, request, of(name, request)) for name, _, request, _ in WAYS]
    for name, request, entries in rows:
        refused |= {name: e["refused"] for e in entries if "refused" in e}
        entries = [e for e in entries if "read" in e]
        if not entries:
            continue
        part = (statistics.fmean(e["seconds"] for e in entries) - idle) / full
        part = max(part, 0.0)
        means = {column: figures(entries, path) for column, path, _, _ in COLUMNS}
        low = all(means[column][0] is not None and means[column][0] <= limit for column, limit in level.items())
        good = low and means["perplexity"][0] <= worst and part <= 0.2 and name[0] != "*"
        if good:
            passing.append(name)
        cells = [f"**{name}**" if good else name, request or ""]
        for column, _, scale, digits in COLUMNS:
            mean, sd = means[column]
            spread = f" ± {scale * sd:.{digits}f}" if len(entries) > 1 else ""
            cells.append("–" if mean is None else f"{scale * mean:.{digits}f}{spread}")
        cells.append("" if name == "*original*" else f"{part:.2f}")
        cells.append(str(len(entries)))
        lines.append(f"| {' | '.join(cells)} |")
    bound = ", ".join(f"{name.split(',')[0]} {level[name] * scale:.{digits}f}" for name, _, scale, digits in COLUMNS
                      if name in level)
    return lines, refused, passing, f"Limits: {bound}, perplexity {worst:.2f}."


def settings_of(table_of):
    pairs = [(method, *pair) for method, table in table_of.items() for pair in table.items()]
    each = [f"`{method}.{key} = {json.dumps(value)}`" for method, key, value in pairs]
    return ", ".join(each)


def page(bench, note):
    lines, refused, passing, bound = table(bench)
    body = ["<!-- Written by tools/canaries.py from what unlearn eval measured. Do not edit. -->", "", "# Canaries", ""]
    body += WORDS.replace("{tuned}", "`--plant 7 --first 50`").splitlines()
    if note:
        body += ["", note]
    body += ["", f"{bound} {len(passing)} ways reach the level: {', '.join(passing) or 'none'}.", "", *lines, ""]
    if refused:
        body += ["Refused for texts: " + ", ".join(f"`{name}`" for name in refused) + ".", ""]
    body += ["## Settings", ""]
    body += [f"- {name} ({request}): {settings_of(table_of)}" for name, _, request, table_of in WAYS if table_of]
    PAGE.write_text("\n".join(body) + "\n")
    print(f"{PAGE.relative_to(ROOT)}: {len(lines) - 2} rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target" / "release" / "unlearn")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--texts", type=pathlib.Path, help="a table `label<tab>message`; made-up sentences if absent")
    parser.add_argument("--only", action="append", help="ways whose name contains this; may be given several times")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1, help="the first training seed")
    parser.add_argument("--plant", type=int, default=1, help="seed of the canaries")
    parser.add_argument("--references", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="only write the page from what --out has")
    parser.add_argument("--note", default="", help="of the page: machine and data")
    options = parser.parse_args()
    bench = Bench(options)
    if options.write:
        page(bench, options.note)
        return 0
    bench.prepare(options.texts)
    seeds = range(options.first, options.first + options.seeds)
    first = bench.original(options.first)
    for at in range(options.references):
        seed = options.first + 100 + at
        bench.forget(first, "retrain", seed, ["retrain"], SPAN, {}, ["--seed", seed])
    for name, methods, request, settings in [NOTHING, *WAYS]:
        for seed in seeds:
            if not options.only or any(part in name for part in [*options.only, NOTHING[0]]):
                bench.forget(bench.original(seed), name, seed, methods, request, settings)
    lines, _, _, bound = table(bench)
    print("\n".join([bound, *lines]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

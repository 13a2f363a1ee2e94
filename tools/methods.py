#!/usr/bin/env python3
"""Methods with their defaults over tasks, requests and seeds: the tables of docs/methods/results.md.

    python3 tools/methods.py --program target/release/unlearn --out compared            # tasks of what is embedded
    python3 tools/methods.py … --data DIR                                               # and of MNIST, Adult, Citeseer
    python3 tools/methods.py … --only digits_mlp --seeds 1 --draws 1                    # a sample
    python3 tools/methods.py --out compared --write                                     # docs/methods/results.md anew

Each task with one request is an experiment file under OUT/tasks; `unlearn compare` does them, and goes on where it was
killed. DIR holds `mnist` (IDX files), `adult` (adult.data, adult.test) and `citeseer` (Planetoid's files); what is not
there is left out and named. What a verdict could not decide counts neither way: the table says how many were decided.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "methods" / "results.md"

ROWS = """finetune shrink_perturb l1_sparse cf_k selective msg gradient_ascent neg_grad_plus grad_diff kl_min npo simnpo
sfr_on ssd fisher_ascent ewc_ascent fisher_removal fisher_forgetting salun random_label boundary_shrink boundary_expand
scrub scrub_r bad_teacher ltu influence composite""".split()
NODES = """finetune shrink_perturb l1_sparse cf_k selective msg gradient_ascent neg_grad_plus grad_diff npo sfr_on
ssd fisher_ascent ewc_ascent fisher_removal salun random_label scrub scrub_r bad_teacher ltu influence unlink
graph_repair edge_mask megu cognac d2dgn idea etr""".split()
# Methods that only a class request has.
OF_CLASS = ["trew", "class_mean"]

SGD = 'optimizer = "sgd"\nmomentum = 0.9\nweight_decay = 5e-4\nschedule = "cosine"\nlr = 0.05\n'
ADAM = 'optimizer = "adam"\nlr = 0.01\nweight_decay = 5e-4\nepochs = 200\n'
DIGITS = 'loader = "digits"\nvalidation_fraction = 0.1\n'
MNIST = """loader = "idx"
path = "DATA/mnist"
train_images = "train-images-idx3-ubyte.gz"
train_labels = "train-labels-idx1-ubyte.gz"
test_images = "t10k-images-idx3-ubyte.gz"
test_labels = "t10k-labels-idx1-ubyte.gz"
validation_fraction = 0.1
limit = LIMIT
"""
ADULT = """loader = "csv"
path = "DATA/adult/adult.data"
test_path = "DATA/adult/adult.test"
test_skip_rows = 1
header = false
columns = ["age", "work", "weight", "education", "years", "marital", "occupation", "relation", "race", "sex", "gain",
  "loss", "hours", "country", "income"]
label = "income"
label_strip = "."
subject = "weight"
validation_fraction = 0.1
limit = 4000
"""
NODE = 'split = "random"\ntest_fraction = 0.2\nvalidation_fraction = 0.1\n'

# Data, network, recipe, methods, and a class to forget, where more than one would be left.
TASKS = {
    "digits_mlp": (DIGITS, 'zoo = "mlp"\nhidden = [128, 64]\n', SGD + "batch_size = 32\nepochs = 40\n", ROWS,
                   "3"),
    "digits_cnn": (DIGITS, 'zoo = "vgg_gn"\nhidden = [8, 16]\n', SGD + "batch_size = 64\nepochs = 20\n", ROWS,
                   "3"),
    "mnist_mlp": (MNIST.replace("LIMIT", "3000"), 'zoo = "mlp"\nhidden = [128]\n',
                  SGD + "batch_size = 32\nepochs = 20\n", ROWS, "3"),
    "mnist_lenet": (MNIST.replace("LIMIT", "2000"), 'zoo = "lenet5"\n', SGD + "batch_size = 64\nepochs = 15\n", ROWS,
                    "3"),
    "adult_mlp": (ADULT, 'zoo = "mlp"\nhidden = [128]\n', SGD + "batch_size = 32\nepochs = 40\n", ROWS, None),
    "cora_gcn": ('loader = "cora"\n' + NODE, 'zoo = "gcn"\nhidden = [16]\n', ADAM, NODES, "Neural_Networks"),
    "citeseer_gcn": ('loader = "planetoid"\npath = "DATA/citeseer"\nname = "citeseer"\n' + NODE,
                     'zoo = "gcn"\nhidden = [16]\n', ADAM, NODES, "2"),
}
# Adult names nobody; records with one weight stand for one person's: the twelve who have most of the first 4000.
PEOPLE = json.dumps("123983 111567 163003 111900 116632 117963 120939 121313 121718 134768 154374 159732".split())
REQUESTS = {
    "random1": '{ kind = "KIND", fraction = 0.01 }',
    "random10": '{ kind = "KIND", fraction = 0.1 }',
    "edges5": '{ kind = "edge", fraction = 0.05 }',
    "class": '{ kind = "class", ids = ["NAME"] }',
    "subject": '{ kind = "subject", ids = ' + PEOPLE + ' }',
}
NEEDS = {
    "mnist": "mnist/train-images-idx3-ubyte.gz",
    "adult": "adult/adult.data",
    "citeseer": "citeseer/ind.citeseer.x",
}


def experiments(data, only, methods, settings, references):
    """Experiment files by name; names of tasks whose data are not there."""
    made, missing = {}, []
    for task, (source, network, recipe, all_methods, of_class) in TASKS.items():
        family = task.split("_")[0]
        if family in NEEDS and not (data and (data / NEEDS[family]).exists()):
            missing.append(task)
            continue
        graph = all_methods is NODES
        for what, request in REQUESTS.items():
            name = f"{task}_{what}"
            if (what == "subject") != ("subject" in source) and what == "subject":
                continue
            if what == "class" and not of_class:
                continue
            if (what == "edges5" and not graph) or (only and not any(part in name for part in only)):
                continue
            request = request.replace("KIND", "node" if graph else "sample").replace("NAME", of_class or "")
            possible = all_methods + (OF_CLASS if what == "class" and not graph else [])
            chosen = ["retrain"] + [m for m in possible if not methods or m in methods or m == "unlink"]
            text = f"seed = 1\n\n[data]\n{source.replace('DATA', str(data))}\n[model]\n{network}\n[train]\n{recipe}\n"
            text += f"[forget]\nrequest = {request}\nmethods = {json.dumps(chosen)}\nreferences = {references}\n"
            for method, table in settings.items():
                if method in chosen:
                    text += f"\n[forget.settings.{method}]\n{table}\n"
            made[name] = text
    return made, missing


WORDS = """\
Every method with its defaults, over tasks and requests: mean ± standard deviation over training seeds, each against
the same retrains. Accuracies are in percent, *test* of a class request on the retained classes; *JS* is the mean
Jensen–Shannon divergence to the retrains on the forgotten records, for *retrain* that among themselves; *gap* is
the average gap to the retrain in points (forgotten, retained and test accuracy, attack's AUC); time includes
precomputation. A method in **bold** takes at most 0.2 of a retrain, has an average gap of at most 2 points and
fails no check of the verdict; where that is *inconclusive* the decided checks passed, and the others lay too close to
their limit or are failed by a held-out retrain too.
"""
# Accuracies in percent on the forgotten and on the test records, as papers report them for other networks.
PAPERS = """\
What papers report is of other networks and larger data, so that only the order of sizes compares (their figures as
surveys quote them, not looked up in each paper again): on CIFAR-10 with
a ResNet-18 and 10 % of the records, forget accuracy is 94.8 after a retrain, 99.4 after fine-tuning, 97.2 after
SalUn, 95.8 after l1-sparse, 92.4 after random labels (Fan et al. 2024; average gaps 3.8, 1.2, 2.3 and 7.2 points);
of a class it is 0 after a retrain and SalUn and about 78 after fine-tuning (Jia et al. 2023, 22.5 ± 8.2 forgotten).
On Cora, GIF and CEU lie within a point of a retrain's accuracy (Wu et al. 2023; Wu et al. 2023a), and so does
deleting alone (Tan et al. 2024).
"""


def get(row, *path):
    at = row.get("metrics", {})
    for key in path:
        at = at.get(key, {}) if isinstance(at, dict) else {}
    return at if isinstance(at, (int, float)) else None


def cell(row, scale, digits, *path):
    value = get(row, *path)
    at = row.get("sd", {})
    for key in path:
        at = at.get(key, {}) if isinstance(at, dict) else {}
    if value is None:
        return "–"
    spread = f" ± {scale * at:.{digits}f}" if isinstance(at, (int, float)) else ""
    return f"{scale * value:.{digits}f}{spread}"


def cost(row):
    times = row.get("times", {})
    spent = times.get("method_s"), times.get("retrain_s")
    return None if None in spent or not spent[1] else (spent[0] + times.get("precompute_s", 0.0)) / spent[1]


def suits(row, gap):
    """At most 0.2 of a retrain, an average gap of at most 2 points, and no check failed."""
    failed = row.get("verdict", {}).get("outcome") in ("fail", "unchanged", "destroyed")
    return not failed and (cost(row) or 9) <= 0.2 and gap is not None and gap <= 0.02


def table(rows):
    """One task with one request."""
    classes = any(get(row, "class_request", "retained_test_accuracy") is not None for row in rows)
    test = ("class_request", "retained_test_accuracy") if classes else ("splits", "test", "accuracy")
    heading = ["", "forgotten", "test", "JS to retrains", "gap", "of a retrain", "verdict"]
    lines = [f"| {' | '.join(heading)} |", f"|{' --- |' * len(heading)}"]
    passing = []
    for row in rows:
        if row["row"].startswith("another"):
            continue
        gap, part = get(row, "gaps", "average"), cost(row)
        name = {"none": "*original*", "retrain": "*retrain*"}.get(row["method"], f"`{row['method']}`")
        outcome = (row.get("verdict") or {}).get("outcome", "") if name[0] == "`" else ""
        if name[0] == "`" and row["method"] != "unlink" and suits(row, gap):
            passing.append(name)
            name = f"**{name}**"
        js = cell(row, 1, 4, "js", "noise_floor_forget") if name == "*retrain*" else cell(row, 1, 4, "js", "forget")
        cells = [name, cell(row, 100, 1, "splits", "forget", "accuracy"), cell(row, 100, 1, *test), js]
        cells += ["–" if gap is None else f"{100 * gap:.1f}", "" if part is None else f"{part:.2f}", outcome]
        lines.append(f"| {' | '.join(cells)} |")
    return lines, passing


def page(out, words):
    order = {}
    for found in sorted(out.glob("**/compared/results.jsonl")):
        for row in map(json.loads, found.read_text().splitlines()):
            order.setdefault(row["experiment"], []).append(row)
    body, summary = [], ["| task | | methods that suit |", "| --- | --- | --- |"]
    for name, those in sorted(order.items()):
        lines, passing = table(those)
        body += ["", f"## {name}", "", *lines]
        summary.append(f"| [{name}](#{name}) | {len(passing)} | {', '.join(passing)} |")
    mark = "<!-- Written by tools/methods.py from what unlearn compare measured. Do not edit. -->"
    head = [mark, "", "# Results", "", *words.splitlines(), "", *summary, "", *PAPERS.splitlines()]
    PAGE.write_text("\n".join(head + body) + "\n")
    print(f"{PAGE.relative_to(ROOT)}: {len(order)} tasks")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target" / "release" / "unlearn")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the page is of all that was compared within")
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--only", action="append", help="tasks whose name contains this; may be given several times")
    parser.add_argument("--methods", help="these alone, with commas between them")
    parser.add_argument("--set", action="append", default=[], metavar="METHOD.KEY=VALUE")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--references", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="only write docs/methods/results.md from what --out has")
    parser.add_argument("--note", default="", help="of the page: machine, seeds, what is not there")
    options = parser.parse_args()
    if not options.write:
        settings = {}
        for given in options.set:
            method, rest = given.split(".", 1)
            settings[method] = settings.get(method, "") + rest.replace("=", " = ", 1) + "\n"
        methods = options.methods and options.methods.split(",")
        data = options.data and options.data.resolve()
        made, missing = experiments(data, options.only, methods, settings, options.references)
        if missing:
            print("left out, for want of data:", ", ".join(missing), file=sys.stderr)
        tasks = options.out / "tasks"
        tasks.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (tasks / f"{name}.toml").write_text(text)
        command = [options.program, "compare", *(str(tasks / f"{name}.toml") for name in made)]
        command += ["--out", str(options.out / "compared"), "--draws", str(options.draws)]
        subprocess.run([*command, "--set", f"forget.seeds={options.seeds}", "--quiet"], check=True)
    page(options.out, WORDS + options.note)
    return 0


if __name__ == "__main__":
    sys.exit(main())

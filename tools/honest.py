#!/usr/bin/env python3
"""Whether an audit can be believed: over many seeds a retrain must pass, and what was never forgotten must not.

    python3 tools/honest.py --program target/release/unlearn --out honest [--seeds 20] [--only digits]

For each seed a network is trained, made to forget by a retrain of another seed, and that retrain is audited: what the
audit says of it and of the untouched original beside it. Two tasks on digits, whose records a small network knows by
heart: as they are, and with three labels in ten wrong, where there is much to know by heart. Prints a line for each
audit and a row for each task. The exit code is 1 where a retrain failed, of which `--alpha`, a hundredth, may by
chance, or where an original fails no check. What is done is kept in --out and not done again.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys

DIGITS = 'loader = "digits"\ntest_fraction = 0.6\nvalidation_fraction = 0.1\n'
TASKS = {"digits": DIGITS, "noisy": DIGITS + "plant = { fraction = 0.3 }\n"}
NETWORK = """[model]
zoo = "mlp"
hidden = [64]
[train]
epochs = 60
batch_size = 32
lr = 0.05
momentum = 0.9
"""
RECORDS = 1797


def run(program, *words):
    done = subprocess.run([program, *map(str, words), "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))} ended with {done.returncode}: {done.stderr}")


def audited(options, name, seed):
    """The audit of a retrain."""
    folder = options.out / name / str(seed)
    if not (folder / "retrain" / "audit.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "task.toml").write_text(f"seed = {seed}\n[data]\n{TASKS[name]}{NETWORK}")
        request = {"request_id": "r", "kind": "sample", "ids": list(range(seed % 7, RECORDS, 7))}
        (folder / "request.jsonl").write_text(json.dumps(request) + "\n")
        run(options.program, "train", folder / "task.toml", "--out", folder / "run")
        run(options.program, "forget", folder / "run", "--request", folder / "request.jsonl", "--method", "retrain",
            "--seed", 1000 + seed, "--out", folder / "retrain")
        run(options.program, "audit", folder / "retrain", "--allow-fail", "--shadows", options.shadows,
            "--retrains", options.retrains, "--unlearned", options.unlearned)
    return json.loads((folder / "retrain" / "audit.json").read_text())


def summary(values):
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values) if len(values) > 1 else 0.0:.3f}"


def task(options, name):
    """How many seeds contradict the audit."""
    rows = []
    for seed in range(options.seeds):
        document = audited(options, name, seed)
        verdict = document["verdict"]
        lira = next(attack for attack in document["attacks"] if attack["attack"] == "LiRA")
        failed = [check["name"] for check in verdict["checks"] if check["outcome"] == "fail"]
        caught, of = map(int, re.search(r"the original fails (\d+) of (\d+) checks", verdict["summary"]).groups())
        passed, retrains = document["calibration"]
        rows.append((failed, caught, passed, retrains, lira["run"]["auc"], lira["original"]["auc"]))
        print(f"{name} {seed}: the retrain fails {failed or 'nothing'}; the original {caught} of {of}; {passed} of "
              f"{retrains} other retrains fail nothing; LiRA {rows[-1][4]:.3f}, {rows[-1][5]:.3f}", flush=True)
    honest, caught = sum(not row[0] for row in rows), sum(row[1] > 0 for row in rows)
    others, retrains = sum(row[2] for row in rows), sum(row[3] for row in rows)
    print(f"| {name} | {honest} of {len(rows)} | {others} of {retrains} | {caught} of {len(rows)} "
          f"| {summary([row[4] for row in rows])} | {summary([row[5] for row in rows])} |", flush=True)
    return (len(rows) - honest) + (len(rows) - caught)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", choices=TASKS)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--shadows", type=int, default=32)
    parser.add_argument("--retrains", type=int, default=12)
    parser.add_argument("--unlearned", type=int, default=4)
    options = parser.parse_args()
    return min(1, sum(task(options, name) for name in TASKS if options.only in (None, name)))


if __name__ == "__main__":
    sys.exit(main())

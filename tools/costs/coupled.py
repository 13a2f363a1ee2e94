#!/usr/bin/env python3
"""A coupled training of an MLP on the digits: accuracy over sigma, and how often a deletion computes anew.

    tools/costs/coupled.py PROGRAM OUT
"""

import json
import random
import subprocess
import sys
from pathlib import Path

STEPS, BATCH, CLIP, DELETIONS = 300, 16, 1.0, 30


def run(program, *words):
    made = subprocess.run([program, *map(str, words), "--quiet", "--json"], capture_output=True, text=True)
    if made.returncode not in (0, 4):
        raise SystemExit(f"{words}: {made.stderr}")
    return json.loads(made.stdout)


def main():
    program, out = sys.argv[1], Path(sys.argv[2]).absolute()
    out.mkdir(parents=True, exist_ok=True)
    for sigma in (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
        config, folder = out / f"{sigma}.toml", out / f"run-{sigma}"
        config.write_text(
            'seed = 1\n[data]\nloader = "digits"\nnormalize = "unit"\nvalidation_fraction = 0.0\n[model]\n'
            "layers = [{type='flatten'},{type='linear',out=32},{type='relu'},{type='linear'}]\n"
            f"[train]\nepochs = 1\nbatch_size = {BATCH}\nlr = 0.5\nmomentum = 0.0\nweight_decay = 0.0\n"
            f"[train.coupled]\nsteps = {STEPS}\nsigma = {sigma}\nclip = {CLIP}\n")
        info = run(program, "train", config, "--out", folder, "--resume")
        said = run(program, "eval", folder)
        rows = random.Random(4).sample(range(1797), 2 * DELETIONS)
        seen = []
        for at, row in enumerate(rows):
            if len(seen) == DELETIONS:
                break
            request, after = out / "one.csv", out / f"after-{sigma}-{at}"
            request.write_text(f"request_id,kind,ids\nr,sample,{row}\n")
            forgot = run(program, "forget", folder, "--request", request, "--method", "coupling", "--out", after,
                         "--seed", 100 + at, "--allow-fail")
            details = forgot["forget"]["details"]
            # A test record was an input to nothing.
            if "recompute_bound" in details:
                seen.append(details)
            subprocess.run(["rm", "-r", str(after)], check=True)
        mean = lambda key: sum(details[key] for details in seen) / len(seen)
        anew = sum(details["recomputed_from"] is not None for details in seen) / len(seen)
        print(json.dumps({
            "sigma": sigma, "accuracy": said["splits"]["test"]["accuracy"],
            "records": info["data"]["sizes"]["train"], "deletions": len(seen),
            "recomputed": anew, "predicted": mean("recompute_predicted"), "bound": mean("recompute_bound"),
            "recomputed_share": mean("recomputed_share"),
            "gradients": mean("record_gradients") / mean("retrain_record_gradients"),
        }), flush=True)


if __name__ == "__main__":
    main()

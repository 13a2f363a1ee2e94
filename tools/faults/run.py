#!/usr/bin/env python3
"""Plants every fault of faults.toml and shows who notices: the cases of `unlearn check` on each adapter, and the
compilers and lints of tools/prove_shaders.sh. Then the three disasters that a driver may be. Exit code 4: a fault that
nobody noticed, or not all who must; a clean kernel that is not clean; a failing case that passes when run again
alone."""

import argparse
import datetime
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import checks
import table
import texts
from checks import Column, Trouble

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FAILED, INPUT = 4, 2
STEPS = "naga,tint,lints"


def say(text):
    print(f"faults: {text}", file=sys.stderr, flush=True)


def all_columns(args):
    """The system's adapters, the drivers that tools/adapters.sh has fetched, and those of the command line."""
    columns = [] if args.alone else [Column(label, given, {}) for label, given, _ in checks.system(args.program, {})]
    there = [] if args.alone else subprocess.run(
        ["bash", str(ROOT / "tools" / "adapters.sh"), "--list"], capture_output=True, text=True
    ).stdout.split()
    columns += [checks.column(args.program, text) for text in [*there, *args.driver]]
    if not columns:
        raise Trouble("there is no adapter; tools/adapters.sh fetches software adapters, --driver names one")
    return columns


def facts(check, column):
    """A column's adapter, for the page."""
    a = check.run(column, ["-k", "^linear.matmul nn 1x1x1$"])["adapters"][0]["adapter"]
    lanes = [a.get("subgroup_min"), a.get("subgroup_max")]
    return {
        "label": column.label,
        "name": a["name"],
        "driver": f"{a['driver']} {a['driver_info']}".strip(),
        "lanes": "–" if not all(lanes) else "–".join(str(n) for n in sorted(set(lanes))),
        "environment": " ".join(f"{k}={v}" for k, v in column.env.items()),
    }


def clean(check, columns, repeats, problems):
    """The edge suite with nothing planted, on each column: how many runs, and how many false alarms."""
    ran = alarms = 0
    turns = [column for column in columns for _ in range(repeats)]
    for column, report in zip(turns, check.pool.map(lambda column: check.run(column, []), turns)):
        cases = {c["case"]: c for a in report["adapters"] for c in a["cases"]}
        ran += len(cases)
        for c in checks.bad(cases):
            alarms += 1
            problems.append(f"{column.label}: nothing was planted and `{c['case']}` failed: {c['message']}")
        say(f"{column.label}: clean, {len(cases)} cases, {alarms} false alarms so far")
    times = f"the edge suite {repeats} times on each column, {ran} runs of cases" if repeats else "not run"
    return f"{times}, {alarms} false alarms"


def plant(check, columns, known, faults, found):
    """The rows of the table. Faults whose cases are others' run together: each still has its cases to itself."""
    names = [check.cases_of(f) for f in faults]
    planted = [checks.planting(f, n) for f, n in zip(faults, names)]
    rows = [row_of(f, proofs) for f, proofs in zip(faults, found)]
    together = checks.groups(names)

    def run(job):
        column, group = job
        say(f"{column.label}: {len(group)} faults together")
        return check.results(column, [n for i in group for n in names[i]], [planted[i] for i in group])

    jobs = [(column, group) for column in columns for group in together]
    single = {facts["label"] for facts in known if facts["lanes"] == "–"}
    for (column, group), results in zip(jobs, check.pool.map(run, jobs)):
        for i in group:
            if faults[i].get("subgroups") and column.label in single:
                note(rows[i], column, {})
                continue
            note(rows[i], column, {n: results[n] for n in names[i] if n in results})
    by_label = {column.label: column for column in columns}
    seen = [i for i, row in enumerate(rows) if row["case"]]
    cases = [rows[i]["case"] for i in seen]
    again = check.pool.map(lambda i, case: check.again(by_label[case["column"]], case["name"], [planted[i]]), seen,
        cases)
    for i, case, alone in zip(seen, cases, again):
        rows[i]["repro"] = {"bad": alone["status"] in checks.BAD, "same": alone.get("message") == case["message"]}
    return rows


def row_of(fault, proofs):
    row = {key: fault.get(key, "") for key in ("class", "name", "kernel", "from", "to", "note")}
    return row | {"by": fault["by"], "proofs": proofs, "case": None, "repro": None, "columns": {}}


def note(row, column, results):
    """What the cases of one column say of one fault."""
    failed = checks.bad(results)
    ran = [r for r in results.values() if r["status"] not in ("unsupported", "skipped")]
    row["columns"][column.label] = {"bad": len(failed), "ran": len(ran), "cases": [f["case"] for f in failed]}
    if failed and row["case"] is None:
        row["case"] = {"column": column.label, "name": failed[0]["case"], "message": failed[0]["message"]}


def wanting(row, present):
    """What is wrong with a row, in sentences. Steps that are missing here cannot notice."""
    who = set(row["proofs"]) | ({"case"} if row["case"] else set())
    what = f"`{row['name']}` in {row['kernel']}"
    if not who:
        yield f"{what}: caught by nobody"
    for name in row["by"]:
        here = name == "case" or ("lints" if name not in STEPS.split(",") else name) in present
        if name not in who and here:
            yield f"{what}: not caught by {name}, which must catch it"
    if row["repro"] and not row["repro"]["bad"]:
        yield f"{what}: `{row['case']['name']}` failed on {row['case']['column']} and passes when it is run again alone"


def disasters(check, columns, rows, problems):
    """Every disaster in one run per column; the rows with what became of each, and of the other cases."""
    stem = rows[0]["case"].split(" ")[0]
    names = [n for n, kernels in check.planned.items() if stem in kernels]
    planted = [{"case": f"^{re.escape(r['case'])}$", "fault": r["fault"]} for r in rows]
    out, others = [{**r, "columns": {}} for r in rows], {}
    met = check.pool.map(lambda column: check.results(column, names, planted), columns)
    for column, results in zip(columns, met):
        for row in out:
            got = results.pop(row["case"], {"status": "missing"})
            message = got.get("message", "")
            row["columns"][column.label] = f"{got['status']}: {message}"
            goes_on = row["says"] in message and "a new one goes on" in message
            if got["status"] != row["status"] or not goes_on:
                problems.append(f"{column.label}: {row['name']}: {got['status']}: {message}")
        passed = sum(r["status"] == "pass" for r in results.values())
        lacking = sum(r["status"] == "unsupported" for r in results.values())
        others[column.label] = f"{passed} pass" + (f", {lacking} unsupported" if lacking else "")
        if passed + lacking != len(names) - len(rows):
            problems.append(f"{column.label}: {passed} of {len(names) - len(rows)} cases beside the disasters passed")
    return out, others


def commit():
    """The tree's commit, and whether it was changed since."""
    def git(*words):
        return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True).stdout.strip()

    changed = " and changes" if git("status", "--porcelain", "-uno") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=pathlib.Path, help="the unlearn to ask (default: the newest build)")
    parser.add_argument("--driver", action="append", default=[], metavar="NAME=FILE[,VAR=VALUE]",
                        help="one column more: a Vulkan driver by its manifest, or `system`, with an environment")
    parser.add_argument("--alone", action="store_true", help="only the columns that --driver names")
    parser.add_argument("-k", "--filter", type=re.compile, default=re.compile(""),
                        help="only faults whose class, name or kernel matches")
    parser.add_argument("--repeats", type=int, default=1, help="clean runs of each column; 0 for none")
    parser.add_argument("--jobs", type=int, default=2, help="runs of `unlearn check` at once")
    parser.add_argument("--timeout", type=float, default=30, help="seconds that one case may take")
    parser.add_argument("--steps", default=STEPS, help="compilers and lints that are asked, separated by commas")
    parser.add_argument("--md", type=pathlib.Path, help="write the page here (default: stdout)")
    parser.add_argument("--json", type=pathlib.Path, help="also write what was found here")
    args = parser.parse_args()
    args.program = args.program or newest()
    return args


def newest():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [p for p in (target / kind / "unlearn" for kind in ("release", "debug")) if p.exists()]
    if not built:
        raise Trouble("no build of unlearn was found; run `cargo build --release`, or name one with --program")
    return max(built, key=lambda p: p.stat().st_mtime)


def main():
    args = arguments()
    listed = tomllib.loads((HERE / "faults.toml").read_text())
    faults = [f for f in listed["fault"] if args.filter.search(f"{f['class']} {f['name']} {f['kernel']}")]
    if not faults:
        pattern = args.filter.pattern
        raise Trouble(f"no fault of faults.toml matches {pattern}; it is held against class, name and kernel together")
    columns, check, problems = all_columns(args), checks.Checks(args.program, args.timeout, args.jobs), []
    with tempfile.TemporaryDirectory() as scratch:
        found, unplanted, ran, skipped = texts.examine(args.program, faults, pathlib.Path(scratch), args.steps)
    for kernel, complaints in unplanted.items():
        problems += [f"nothing was planted and {who} complains of {kernel}: {m[0]}" for who, m in complaints.items()]
    known = [facts(check, column) for column in columns]
    said = clean(check, columns, args.repeats, problems)
    rows = plant(check, columns, known, faults, found)
    for row in rows:
        problems += wanting(row, ran)
        seen = [f"{label} {table.cell(c)}" for label, c in row["columns"].items()] + sorted(row["proofs"])
        say(f"{row['kernel']}, {row['name']}: {', '.join(seen)}")
    hit, others = disasters(check, columns, listed["disaster"], problems)
    version = subprocess.run([args.program, "--version"], capture_output=True, text=True).stdout.split()[-1]
    document = {"schema": 1, "date": datetime.date.today().isoformat(), "version": version, "commit": commit()}
    document |= {"columns": known, "steps": ran, "skipped": skipped, "clean": said}
    document |= {"faults": rows, "disasters": hit, "others": others, "problems": problems}
    table.write(document, args.md, args.json)
    if not args.md:
        print(table.markdown(document), end="")
    for problem in problems:
        say(f"FAILED {problem}")
    say(f"{len(rows)} faults, {len(hit)} disasters, {len(columns)} columns: {len(problems)} problems")
    return FAILED if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        say(trouble)
        sys.exit(INPUT)

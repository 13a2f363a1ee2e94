#!/usr/bin/env python3
"""Compares two files written by `unlearn bench --json`: one row per kernel, variant and case, with the ratio of the
median times (above 1 is slower than before).

    python3 tools/bench_diff.py OLD.json NEW.json [--fail-above 5] [--filter REGEX]

Needs nothing but Python. Exit code 0; 2: a file cannot be read; 5: with --fail-above, a row got slower by more than
that many per cent.
"""

import argparse
import json
import re
import sys

SCHEMA = 1
NEEDED = ("kernel", "variant", "case", "median_ns")


def load(path):
    """{(kernel, variant, case): row}; a row measured twice is an error, not a choice."""
    with open(path, encoding="utf-8") as file:
        try:
            document = json.load(file)
        except ValueError as why:
            raise ValueError(f"{path}: not JSON: {why}") from why
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or "rows" not in document:
        raise ValueError(f"{path}: not a bench file of schema {SCHEMA}")
    rows = {}
    for at, row in enumerate(document["rows"]):
        missing = [key for key in NEEDED if key not in row]
        if missing:
            raise ValueError(f"{path}: row {at} has no {', '.join(missing)}")
        key = (row["kernel"], row["variant"], row["case"].removeprefix(row["kernel"]).strip())
        if key in rows:
            raise ValueError(f"{path}: {' '.join(key)} is there twice")
        rows[key] = row
    return rows


def microseconds(row):
    return f"{row['median_ns'] / 1e3:.1f}" if row else "-"


def rate(row):
    """GFLOP/s where the row has it, else GB/s, else nothing: what was not measured is not shown as 0."""
    for key, unit in (("gflops", "GFLOP/s"), ("gbps", "GB/s")):
        if row and row.get(key) is not None:
            return f"{row[key]:.2f} {unit}"
    return ""


def table(old, new, wanted):
    """Lines of the table, and the ratios of the rows that are in both files."""
    lines = [("kernel", "variant", "case", "old us", "new us", "ratio", "old rate", "new rate")]
    ratios = {}
    for key in sorted(old.keys() | new.keys()):
        if not wanted.search(" ".join(key)):
            continue
        before, after = old.get(key), new.get(key)
        note = "gone" if after is None else "new"
        if before and after:
            ratios[key] = after["median_ns"] / before["median_ns"] if before["median_ns"] > 0 else float("inf")
            note = f"{ratios[key]:.3f}"
        lines.append((*key, microseconds(before), microseconds(after), note, rate(before), rate(after)))
    return lines, ratios


def show(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = [c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--fail-above", type=float, metavar="PERCENT")
    parser.add_argument("--filter", type=re.compile, default=re.compile(""), metavar="REGEX")
    args = parser.parse_args()
    try:
        old, new = load(args.old), load(args.new)
    except (OSError, ValueError, TypeError) as why:
        print(f"error: {why}", file=sys.stderr)
        return 2
    lines, ratios = table(old, new, args.filter)
    show(lines)
    if ratios:
        mean = 1.0
        for ratio in ratios.values():
            mean *= ratio ** (1 / len(ratios))
        print(f"\n{len(ratios)} rows in both, geometric mean of the ratios {mean:.3f}")
    if args.fail_above is None:
        return 0
    slower = [key for key, ratio in ratios.items() if not ratio <= 1 + args.fail_above / 100]
    for key in slower:
        print(f"slower by more than {args.fail_above:g} %: {' '.join(key)}", file=sys.stderr)
    return 5 if slower else 0


if __name__ == "__main__":
    sys.exit(main())

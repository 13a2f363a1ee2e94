#!/usr/bin/env python3
"""Loads the event files of `unlearn report --tensorboard` with TensorBoard's own reader.

    tools/events.py EVENTS REPORT.csv

Every figure of the report's CSV must stand in the folder of its row, every training must have a falling loss, and no
record may be damaged: TensorBoard skips what its checksums refuse, so that figures would be missing.
"""

import csv
import math
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def scalars(folder):
    """Tag → the last value, and the number of values."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}


def main():
    root, table = pathlib.Path(sys.argv[1]), sys.argv[2]
    seen = 0
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        label = row["method"] if row["row"] == "method" else row["row"]
        found = scalars(root / row["experiment"] / label)
        for key, text in row.items():
            if "." not in key or key.startswith(("sd.", "interval.")) or text == "":
                continue
            have = found.get(f"metrics/{key}")
            if not have or not math.isclose(have[-1].value, float(text), rel_tol=1e-6, abs_tol=1e-30):
                sys.exit(f"events.py: {row['experiment']}, {label}: {key} is {text} and TensorBoard reads {have}")
            seen += 1
    for name in {row["experiment"] for row in rows}:
        loss = scalars(root / name / "training")["train/loss"]
        if len(loss) < 2 or loss[-1].value >= loss[0].value or loss[0].step >= loss[-1].step:
            sys.exit(f"events.py: {name}: the loss of the training is {loss}")
    if seen == 0:
        sys.exit("events.py: no figure was compared")
    print(f"TensorBoard reads {seen} figures of {len(rows)} rows as the table has them")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Follows the guide as a reader would: in an empty folder, runs each `sh` block of docs/guide in order, saves each
`toml` block that is to be saved, and writes what was printed into the `text` block behind the command. Fails where a
command does.

    python3 tools/guide.py [--program target/release/unlearn] [--dry]

A block below a line `<!-- not run -->` is left alone. Of a long output, a `text` block that holds a line `…` keeps as
many lines before and behind it as it has. With --dry the pages stay as they are.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<body>.*?)^```\n", re.S | re.M)
SAVE = re.compile(r"[Ss]ave\s+this\s+as\s+`([\w.-]+)`")
OUTPUT = re.compile(r"\n```text\n(?P<body>.*?)```\n", re.S)


def shortened(printed, shown):
    """`printed` with the lines left out that the block `shown` leaves out."""
    lines, kept = printed.splitlines(), shown.splitlines()
    if "…" not in kept or len(lines) <= len(kept):
        return printed
    head = kept.index("…")
    tail = len(kept) - head - 1
    return "\n".join(lines[:head] + ["…"] + lines[len(lines) - tail :]) + "\n"


def run(script, folder, environment):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode} from\n{script}\n{done.stdout}")
    return done.stdout if done.stdout.endswith("\n") or not done.stdout else done.stdout + "\n"


def follow(page, folder, environment):
    """The page's text with the outputs as they are now."""
    text, at, out = page.read_text(encoding="utf-8"), 0, []
    while match := BLOCK.search(text, at):
        # The paragraph above says what a block is for.
        before, kind, body = text[at : match.start()].strip().split("\n\n")[-1], match["kind"], match["body"]
        out.append(text[at : match.end()])
        at = match.end()
        if before.endswith("<!-- not run -->"):
            continue
        if kind == "toml" and (name := SAVE.search(before)):
            (folder / name[1]).write_text(body, encoding="utf-8")
        if kind == "sh":
            print(f"{page.name}: {body.splitlines()[0]}", flush=True)
            printed = run(body, folder, environment)
            if shown := OUTPUT.match(text, at):
                out.append(f"\n```text\n{shortened(printed, shown['body'])}```\n")
                at = shown.end()
    return "".join(out) + text[at:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/unlearn")
    parser.add_argument("--dry", action="store_true")
    options = parser.parse_args()
    program = options.program.resolve()
    if not program.exists():
        sys.exit(f"{program} is not there: build it, or name it with --program")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UNLEARN_")}
    environment["PATH"] = f"{program.parent}{os.pathsep}{environment['PATH']}"
    with tempfile.TemporaryDirectory(prefix="unlearn-guide-") as folder:
        pages = (ROOT / "docs/guide").glob("[0-9]*-*.md")
        for page in sorted(pages, key=lambda page: int(page.name.split("-")[0])):
            text = follow(page, pathlib.Path(folder), environment)
            if not options.dry:
                page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

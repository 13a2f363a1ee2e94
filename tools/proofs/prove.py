"""Proof of the shaders without the platforms: see tools/prove_shaders.sh, which dumps the shaders and starts this."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile

import lints
import selftest
import sets
import steps

STEPS = ("naga", "tint", "spirv-val", "DXC", "MSL", "lints")
SUFFIX = {"spirv-val": ".spv", "DXC": ".hlsl", "MSL": ".metal"}
FAILED = 4
# Lines of a message that are printed; all of them go into the JSON.
LINES = 12
# One shader with one set of values in one lane.
Item = collections.namedtuple("Item", "shader values lane path")
LANES = {
    "driver": "as the engine gives it to the driver",
    "sweep": "every override set",
    "guarded": "every override set, with naga's run-time guards",
}


class Proof:
    def __init__(self, chosen, jobs):
        self.tools = {name: row for name, row in steps.tools().items() if name in chosen}
        self.skipped = {name: row[2] for name, row in self.tools.items() if row[1] is None}
        self.count = collections.Counter()  # (step, shader, lane, passed)
        self.failures = []
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)

    def wants(self, step):
        return step in self.tools and step not in self.skipped

    def note(self, step, item, error):
        self.count[step, item.shader, item.lane, error is None] += 1
        if error is not None:
            row = {"step": step, "shader": item.shader, "set": item.values, "lane": item.lane, "message": error}
            self.failures.append(row)

    def each(self, step, items, check):
        if self.wants(step):
            for item, error in zip(items, self.pool.map(check, items)):
                self.note(step, item, error)

    def compiled(self, items):
        """What the three target languages' compilers say of translated files."""
        by = lambda step: [i for i in items if i.path.suffix == SUFFIX[step]]
        self.each("spirv-val", by("spirv-val"), lambda i: steps.spirv_val(i.path))
        self.each("MSL", by("MSL"), lambda i: steps.metal(i.path))
        if self.wants("DXC"):
            answers = steps.dxc([i.path for i in by("DXC")])
            for item in by("DXC"):
                self.note("DXC", item, answers[str(item.path)])


def dumped(folder, suffix):
    items = []
    for path in sorted(folder.rglob(f"*{suffix}")):
        kernel, values = sets.of_name(path.stem)
        items.append(Item(f"{path.parent.name}.{kernel}", values, "driver", path))
    return items


def prove_driver(proof, dump):
    """The files of `unlearn shaders --dump`: the trusted lane, with the writer options that wgpu uses."""
    for suffix in SUFFIX.values():
        proof.compiled(dumped(dump, suffix))


def wanted_sets(dump, sources):
    """By shader: every combination of values that its text tells apart, and the sets that the dumped files' names state."""
    found = {s.shader: dict.fromkeys(sets.sweep(s.path.read_text())) for s in sources}
    for suffix in SUFFIX.values():
        for item in dumped(dump, suffix):
            if item.values and item.shader in found:
                found[item.shader][item.values] = None
    return found


def prove_sweep(proof, sources, wanted, scratch):
    """The wanted sets, guards off and on, through naga and on to the other compilers."""
    if not proof.wants("naga"):
        return
    items = []
    for source in sources:
        for number, values in enumerate(wanted[source.shader]):
            for lane in ("sweep", "guarded"):
                items.append(Item(source.shader, values, lane, scratch / lane / f"{source.shader}.{number}.wgsl"))
    texts = {source.shader: source.path for source in sources}
    for lane in ("sweep", "guarded"):
        (scratch / lane).mkdir()

    def translate(item):
        outputs = [item.path.with_suffix(suffix) for suffix in SUFFIX.values()]
        return steps.naga(texts[item.shader], item.values, outputs, item.lane == "guarded")

    proof.each("naga", items, translate)
    written = [i._replace(path=i.path.with_suffix(suffix)) for i in items for suffix in SUFFIX.values()]
    proof.compiled([i for i in written if i.path.exists()])


def prove_sources(proof, sources, wanted, scratch):
    """The composed WGSL itself: tint, once as it is and once for every set; and the lints."""
    proof.each("naga", sources, lambda i: steps.naga(i.path))
    items = []
    for source in sources:
        text = source.path.read_text()
        items.append((source, text))
        for values in wanted[source.shader]:
            if values:
                items.append((source._replace(values=values, lane="sweep"), sets.as_constants(text, values)))
    if proof.wants("tint"):
        copies = [scratch / f"{number}.wgsl" for number in range(len(items))]
        results = proof.pool.map(lambda pair: steps.tint(pair[0], pair[1][1]), zip(copies, items))
        for (item, _), error in zip(items, results):
            proof.note("tint", item, error)
    if proof.wants("lints"):
        for source in sources:
            found = lints.lint_text(source.path.read_text())
            proof.note("lints", source, "\n".join(found) or None)


def tally(proof, step, match):
    rows = [(key, n) for key, n in proof.count.items() if key[0] == step and match(key)]
    return sum(n for key, n in rows if key[3]), sum(n for _, n in rows)


def cell(proof, step, match):
    passed, total = tally(proof, step, match)
    return f"{passed}/{total}" if total else "-"


def table(proof):
    ran = [s for s in STEPS if proof.wants(s)]
    families = sorted({key[1].split(".")[0] for key in proof.count})
    rows = [["shaders", *ran]]
    for family in families:
        rows.append([family, *(cell(proof, s, lambda k: k[1].startswith(family + ".")) for s in ran)])
    rows.append(["all", *(cell(proof, s, lambda k: True) for s in ran)])
    for lane, meaning in LANES.items():
        rows.append([meaning, *(cell(proof, s, lambda k: k[2] == lane) for s in ran)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    rule = ["-" * w for w in widths]
    rows[1:1] = [rule]
    rows[-len(LANES) - 1 : -len(LANES) - 1] = [rule]
    line = lambda row: "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
    return "\n".join(line(row).rstrip() for row in rows)


def report(proof, shaders):
    kinds = collections.defaultdict(list)
    for f in proof.failures:
        kinds[f["step"], f["shader"]].append(f)
    for (step, shader), rows in sorted(kinds.items()):
        first = rows[0]
        given = f" with {first['set']}" if first["set"] else ""
        more = f", and {len(rows) - 1} more of its sets and lanes" if len(rows) > 1 else ""
        print(f"FAILED {step}: {shader}{given} ({LANES[first['lane']]}){more}")
        print("  " + "\n  ".join(first["message"].split("\n")[:LINES]))
    if kinds:
        print()
    print(table(proof) + "\n")
    for name, (meaning, version, _) in proof.tools.items():
        if name not in proof.skipped:
            print(f"{name}: {meaning} ({version})")
    for name, needs in proof.skipped.items():
        print(f"SKIPPED {name}: missing; it needs {needs}")
    parts = [f"{s} {cell(proof, s, lambda k: True)}" for s in STEPS if proof.wants(s)]
    parts += [f"{s} skipped" for s in proof.skipped]
    print(f"\n{shaders} shaders: " + " · ".join(parts))


def write_json(proof, path, shaders):
    rows = {}
    for name, (_, version, _) in proof.tools.items():
        passed, total = tally(proof, name, lambda k: True)
        lanes = {}
        for lane in LANES:
            lanes[lane] = dict(zip(("passed", "total"), tally(proof, name, lambda k: k[2] == lane)))
        row = {"version": version, "passed": passed, "total": total, "lanes": lanes}
        rows[name] = {"skipped": f"needs {proof.skipped[name]}"} if name in proof.skipped else row
    document = {"schema": 1, "shaders": shaders, "steps": rows, "failures": proof.failures}
    path.write_text(json.dumps(document, indent=1) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dump", type=pathlib.Path, help="folder that holds what `unlearn shaders --dump` wrote")
    parser.add_argument("--steps", default=",".join(STEPS), help="only these, separated by commas")
    parser.add_argument("--json", type=pathlib.Path, help="also write the counts and failures here")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--self-test", action="store_true", help="see every step catch the faults planted in bad/")
    args = parser.parse_args()
    args.steps = args.steps.split(",")
    unknown = set(args.steps) - set(STEPS)
    if unknown:
        parser.error(f"no step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    if not args.self_test and (args.dump is None or not list(args.dump.rglob("*.wgsl"))):
        parser.error("--dump must name a folder with composed .wgsl files")
    return args


def main():
    args = arguments()
    if args.self_test:
        return FAILED if selftest.run(args.steps) else 0
    proof = Proof(args.steps, args.jobs)
    sources = dumped(args.dump, ".wgsl")
    with tempfile.TemporaryDirectory() as scratch:
        wanted = wanted_sets(args.dump, sources)
        prove_sources(proof, sources, wanted, pathlib.Path(scratch))
        prove_driver(proof, args.dump)
        prove_sweep(proof, sources, wanted, pathlib.Path(scratch))
    shaders = len({s.shader for s in sources})
    report(proof, shaders)
    if args.json:
        write_json(proof, args.json, shaders)
    return FAILED if proof.failures else 0


sys.exit(main())

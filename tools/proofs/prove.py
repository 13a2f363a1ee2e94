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
import wgsl

STEPS = ("naga", "tint", "spirv-val", "DXC", "MSL", "GLSL", "lints")
# What naga's command line is asked to write for the sweep.
OUTPUTS = {"spirv-val": ".spv", "DXC": ".hlsl", "MSL": ".metal"}
FAILED = 4
# Lines of a message that are printed; all of them go into the JSON.
LINES = 12
# What the sources say that matrix units need, and who reads it: naga's own word, which no other front end knows. Of the
# languages it is written in SPIR-V alone, and Debian 12's spirv-val is older than the extension.
UNITS = "enable wgpu_cooperative_matrix;"
KNOW_UNITS = ("naga", "lints")
# One shader with one set of values in one lane.
Item = collections.namedtuple("Item", "shader values lane path")
LANES = {
    "driver": "as the engine gives it to the driver",
    "checked": "the same where run-time guards change it",
    "sweep": "every override set",
    "guarded": "every override set, with naga's run-time guards",
}


class Proof:
    def __init__(self, chosen, jobs):
        self.tools = {name: row for name, row in steps.tools().items() if name in chosen}
        self.skipped = {name: row[2] for name, row in self.tools.items() if row[1] is None}
        self.count = collections.Counter()  # (step, shader, lane, passed)
        self.failures = []
        self.left_out = collections.defaultdict(list)  # shaders by step
        self.units = []  # shaders that only some steps can read
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

    def batched(self, step, items, check):
        """As `each`, by a check that answers for several paths at once."""
        batches = [items[at : at + steps.BATCH] for at in range(0, len(items), steps.BATCH)]
        if self.wants(step):
            for batch, errors in zip(batches, self.pool.map(lambda b: check([i.path for i in b]), batches)):
                for item, error in zip(batch, errors):
                    self.note(step, item, error)

    def compiled(self, items):
        """What the target languages' compilers say of translated files."""
        by = lambda step: [i for i in items if i.path.suffix in steps.SUFFIXES[step]]
        self.each("spirv-val", by("spirv-val"), lambda i: steps.spirv_val(i.path))
        self.each("MSL", by("MSL"), lambda i: steps.metal(i.path))
        self.batched("DXC", by("DXC"), steps.dxc)
        self.batched("GLSL", by("GLSL"), steps.glsl)


def dumped(folder, suffix):
    """Files `<family>/<kernel>[@<set>]<suffix>`; those of the guarded lane lie under a folder `checked`."""
    items = []
    for path in sorted(folder.rglob(f"*{suffix}")):
        kernel, values = sets.of_name(path.stem)
        lane = "checked" if path.parent.parent.name == "checked" else "driver"
        items.append(Item(f"{path.parent.name}.{kernel}", values, lane, path))
    return items


def prove_driver(proof, dump, sources):
    """The files of `unlearn shaders --dump`, with the writer options that wgpu uses. The number of sets among them.

    A set that one of the dumped languages has, all of them must have.
    """
    every = {(source.shader, "") for source in sources}
    by_step = {step: [i for s in suffixes for i in dumped(dump, s)] for step, suffixes in steps.SUFFIXES.items()}
    every |= {(i.shader, i.values) for items in by_step.values() for i in items}
    subgroups = {s.shader for s in sources if "subgroup" in wgsl.strip_comments(s.path.read_text())}
    for step, items in by_step.items():
        items = [i for i in items if i.shader not in proof.units]
        proof.compiled(items)
        if step == "GLSL" and items:
            # wgpu offers no subgroups on OpenGL; adapters there run the plain variants.
            proof.left_out[step] = sorted(subgroups - {i.shader for i in items} - set(proof.units))
        wanted = {pair for pair in every if pair[0] not in [*proof.left_out[step], *proof.units]}
        for suffix in steps.SUFFIXES[step]:
            there = {(i.shader, i.values) for i in items if i.path.suffix == suffix}
            for shader, values in sorted(wanted - there) if there and proof.wants(step) else ():
                proof.note(step, Item(shader, values, "driver", None), f"the dump has no {suffix} file of it")
    return len([pair for pair in every if pair[1]])


def wanted_sets(dump, sources):
    """By shader: every combination of values that its text tells apart, and the sets that the dumped files name."""
    found = {s.shader: dict.fromkeys(map(sets.sorted_by_name, sets.sweep(s.path.read_text()))) for s in sources}
    for suffixes in steps.SUFFIXES.values():
        for item in (i for suffix in suffixes for i in dumped(dump, suffix)):
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
        suffixes = [".spv"] if item.shader in proof.units else OUTPUTS.values()
        outputs = [item.path.with_suffix(suffix) for suffix in suffixes]
        return steps.naga(texts[item.shader], item.values, outputs, item.lane == "guarded")

    proof.each("naga", items, translate)
    items = [i for i in items if i.shader not in proof.units]
    written = [i._replace(path=i.path.with_suffix(suffix)) for i in items for suffix in OUTPUTS.values()]
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
        items = [pair for pair in items if pair[0].shader not in proof.units]
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


def report(proof, shaders, in_use):
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
    for name, rows in proof.left_out.items():
        if rows and proof.wants(name):
            print(f"LEFT OUT of {name}, for wgpu's OpenGL has no subgroups: {', '.join(rows)}")
    if proof.units:
        unread = ", ".join(s for s in STEPS if proof.wants(s) and s not in KNOW_UNITS)
        print(f"LEFT OUT of {unread}, which do not know cooperative matrices: {', '.join(proof.units)}")
    parts = [f"{s} {cell(proof, s, lambda k: True)}" for s in STEPS if proof.wants(s)]
    parts += [f"{s} skipped" for s in proof.skipped]
    print(f"\n{shaders} shaders, {in_use} sets of override values in use: " + " · ".join(parts))


def write_json(proof, path, shaders, in_use):
    rows = {}
    for name, (_, version, _) in proof.tools.items():
        passed, total = tally(proof, name, lambda k: True)
        lanes = {}
        for lane in LANES:
            lanes[lane] = dict(zip(("passed", "total"), tally(proof, name, lambda k: k[2] == lane)))
        row = {"version": version, "passed": passed, "total": total, "lanes": lanes}
        left_out = [*proof.left_out[name], *(() if name in KNOW_UNITS else proof.units)]
        row |= {"left_out": left_out} if left_out else {}
        rows[name] = {"skipped": f"needs {proof.skipped[name]}"} if name in proof.skipped else row
    document = {"schema": 1, "shaders": shaders, "sets": in_use, "steps": rows, "failures": proof.failures}
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
    proof.units = [s.shader for s in sources if UNITS in s.path.read_text()]
    with tempfile.TemporaryDirectory() as scratch:
        wanted = wanted_sets(args.dump, sources)
        prove_sources(proof, sources, wanted, pathlib.Path(scratch))
        in_use = prove_driver(proof, args.dump, sources)
        prove_sweep(proof, sources, wanted, pathlib.Path(scratch))
    shaders = len({s.shader for s in sources})
    report(proof, shaders, in_use)
    if args.json:
        write_json(proof, args.json, shaders, in_use)
    return FAILED if proof.failures else 0


sys.exit(main())

"""`unlearn check` with and without planted faults: a process for each adapter, so that each has its own environment."""

import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess

BAD = {"fail", "crash", "timeout", "xpass"}
# `unlearn check` ends with 4 where a case failed.
ENDS = (0, 4)
LIMIT_S = 3600

# A column of the table: the arguments and the environment that make `unlearn check` open one adapter.
Column = collections.namedtuple("Column", "label arguments env")


class Trouble(Exception):
    """Something that is not a result: one sentence for the user."""


def unlearn(program, arguments, env, ends=(0,)):
    """The JSON that a run of the program prints."""
    command = [str(program), *arguments, "--json", "--quiet"]
    every = {**os.environ, **env}
    done = subprocess.run(command, env=every, capture_output=True, text=True, errors="replace", timeout=LIMIT_S)
    if done.returncode not in ends:
        last = (done.stderr.strip().split("\n") or [""])[-1]
        raise Trouble(f"`{' '.join(command)}` ended with {done.returncode}: {last}")
    return json.loads(done.stdout)


def system(program, env):
    """The adapters that the program lists in an environment, as (label, arguments, backend)."""
    listed = unlearn(program, ["adapters"], env)["adapters"]
    name = lambda a: f"{a['index']} {a['backend']}"
    return [(name(a), ["--adapter", str(a["index"]), "--backend", a["backend"]], a["backend"]) for a in listed]


def column(program, text):
    """`NAME=FILE[,VAR=VALUE …]`: the driver of a manifest; `system` for FILE: the machine's own Vulkan driver."""
    name, _, rest = text.partition("=")
    file, *variables = rest.split(",")
    if not name or not file or any("=" not in v for v in variables):
        raise Trouble(f"--driver {text}: expected NAME=FILE[,VAR=VALUE …], or `system` in place of the FILE")
    env = dict(v.split("=", 1) for v in variables)
    if file != "system":
        return Column(name, ["--driver", f"{name}={pathlib.Path(file).resolve()}"], env)
    own = [arguments for _, arguments, backend in system(program, env) if backend == "vulkan"]
    if not own:
        raise Trouble(f"--driver {text}: this machine has no Vulkan driver of its own")
    return Column(name, own[0], env)


def planned(program):
    """The kernels that each case of the edge suite records."""
    cases = unlearn(program, ["check", "--list", "--shapes", "edge"], {})["cases"]
    return {case["name"]: case["kernels"] for case in cases}


class Checks:
    """Runs cases on a column."""

    def __init__(self, program, timeout, jobs):
        self.program, self.timeout, self.planned = program, timeout, planned(program)
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)

    def cases_of(self, fault):
        """Names of the cases that a fault is tried on."""
        wanted = re.compile(fault.get("cases", ""))
        names = [n for n, kernels in self.planned.items() if fault["kernel"] in kernels and wanted.search(n)]
        if not names:
            raise Trouble(f"no case records {fault['kernel']}, so nothing can notice `{fault['name']}`")
        return names

    def run(self, column, selection, planted=()):
        """The report on one column; `selection` picks the cases."""
        faults = [{"case": f["case"], "fault": f["fault"]} for f in planted]
        env = {**column.env, **({"UNLEARN_CHECK_FAULTS": json.dumps(faults)} if faults else {})}
        arguments = ["check", "test", "--shapes", "edge", "--timeout", str(self.timeout), *selection, *column.arguments]
        return unlearn(self.program, arguments, env, ENDS)

    def results(self, column, names, planted=()):
        """The results of the named cases, by name."""
        # A command line cannot name thousands of cases: their first words do, and the rest is left out here.
        report = self.run(column, ["-k", stems_pattern(names)], planted)
        wanted = set(names)
        return {c["case"]: c for a in report["adapters"] for c in a["cases"] if c["case"] in wanted}

    def again(self, column, name, planted):
        """The result of one case run alone."""
        report = self.run(column, ["--repro", name], planted)
        cases = [c for a in report["adapters"] for c in a["cases"]]
        if [c["case"] for c in cases] != [name]:
            raise Trouble(f"--repro {name} ran {len(cases)} cases, expected that one alone")
        return cases[0]


def stems(names):
    """The first words of the names: cases with one first word are of one kernel, or of one chain of kernels."""
    return {name.split(" ")[0] for name in names}


def stems_pattern(names):
    return f"^({'|'.join(re.escape(s) for s in sorted(stems(names)))}) "


def planting(fault, names):
    """A fault as UNLEARN_CHECK_FAULTS takes it, in the named cases."""
    shader = {"kernel": fault["kernel"], "from": fault["from"], "to": fault["to"]}
    return {"case": stems_pattern(names), "fault": {"shader": shader}}


def groups(names):
    """Numbers of faults that can be planted together, given the cases of each: those of a group share none."""
    out = []
    for number, own in enumerate(names):
        free = next((g for g in out if not any(stems(own) & stems(names[other]) for other in g)), None)
        if free is None:
            out.append([number])
        else:
            free.append(number)
    return out


def bad(results):
    """The results that fail a run."""
    return [r for r in results.values() if r["status"] in BAD]

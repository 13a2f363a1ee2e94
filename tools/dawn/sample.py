"""A few cases by hand in the format of README.md, from the shaders of `unlearn shaders --dump DUMP --target wgsl`.

    sample.py DUMP FOLDER

They use each thing that the format has. Names that start with `planted` hold a fault that the replayer must report.
"""

import json
import math
import pathlib
import random
import struct
import sys


class Export:
    def __init__(self, dump):
        self.dump, self.blob, self.shaders, self.cases = dump, bytearray(), {}, []

    def put(self, code, values):
        at = len(self.blob)
        self.blob += struct.pack(f"<{len(values)}{code}", *values)
        return at

    def shader(self, name, subgroup=0):
        text = (self.dump / (name.replace(".", "/") + ".wgsl")).read_text()
        self.shaders[name] = {"wgsl": text, "subgroup": subgroup}

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        document = {"schema": 1, "shaders": self.shaders, "cases": self.cases}
        (folder / "cases.json").write_text(json.dumps(document, indent=1))
        (folder / "cases.bin").write_bytes(bytes(self.blob))


class Case:
    def __init__(self, export, name, rtol=1e-5, atol=1e-5):
        self.export = export
        self.row = {"name": name, "rtol": rtol, "atol": atol, "buffers": [], "temps": [], "commands": []}
        export.cases.append(self.row)

    def input(self, name, values):
        row = {"name": name, "elem": "f32", "len": len(values), "role": "input", "init": self.export.put("f", values)}
        return self.add(row)

    def output(self, name, want):
        row = {"name": name, "elem": "f32", "len": len(want), "role": "output", "want": self.export.put("d", want)}
        return self.add(row)

    def add(self, row):
        self.row["buffers"].append(row)
        return {"buffer": len(self.row["buffers"]) - 1, "offset": 0, "len": row["len"]}

    def temp(self, length):
        self.row["temps"].append({"elem": "f32", "len": length})
        return {"temp": len(self.row["temps"]) - 1, "offset": 0, "len": length}

    def dispatch(self, kernel, params, reads, writes, groups, **overrides):
        words = [struct.unpack("<I", struct.pack("<f", p))[0] if isinstance(p, float) else p for p in params]
        bindings = [{**r, "access": "read"} for r in reads] + [{**w, "access": "read_write"} for w in writes]
        row = {"kernel": kernel, "overrides": overrides, "params": words, "bindings": bindings, "groups": groups}
        self.row["commands"].append(row)


def numbers(n, seed):
    """Exactly f32, so that the oracle sees what the shader sees."""
    draw = random.Random(seed)
    return [draw.randrange(-(1 << 20), 1 << 20) / (1 << 20) for _ in range(n)]


def product(export, kernel, m, n, k, groups, name=None, wrong=0.0, **overrides):
    """y = x wᵀ + b, with the oracle's sums in f64."""
    x, w, b = numbers(m * k, 1), numbers(n * k, 2), numbers(n, 3)
    dot = lambda i, j: math.fsum(x[i * k + t] * w[j * k + t] for t in range(k))
    want = [dot(i, j) + b[j] for i in range(m) for j in range(n)]
    if wrong:
        want[-1] += wrong
    case = Case(export, name or f"{kernel} nt {m}x{n}x{k} bias")
    reads = [case.input("a", x), case.input("b", w), case.input("bias", b)]
    params = [m, n, k, k, 1, 1, k, 1.0, 0.0, 1, 0, 0, 0, 0]
    case.dispatch(kernel, params, reads, [case.output("y", want)], groups, BIAS=1, **overrides)


def products(export):
    export.shader("linear.matmul")
    export.shader("linear.matmul_tiled")
    export.shader("linear.matmul_broadcast", subgroup=8)
    product(export, "linear.matmul", 9, 21, 33, 3)
    product(export, "linear.matmul", 9, 21, 0, 3)
    product(export, "linear.matmul", 0, 21, 3, 0)
    product(export, "linear.matmul_tiled", 70, 67, 33, 4)
    product(export, "linear.matmul_broadcast", 33, 65, 67, 3 * 2, WG=32)
    product(export, "linear.matmul", 9, 21, 33, 3, name="planted: the last element is expected elsewhere", wrong=0.01)
    product(export, "linear.matmul", 9, 21, 33, 2, name="planted: a workgroup too few")


def sums(export):
    """Two levels of a sum through a temporary, which is then copied out."""
    export.shader("reduce.total")
    n, parts = 1003, 37
    x = numbers(n, 4)
    part = [math.fsum(x[e] for e in range(n) if (e // 4) % parts == t) for t in range(parts)]
    case = Case(export, f"reduce.total {n} in two levels")
    source, held = case.input("x", x), case.temp(parts)
    case.dispatch("reduce.total", [n, parts, 1.0], [source], [held], 1)
    case.dispatch("reduce.total", [parts, 1, 0.5], [held], [case.output("y", [0.5 * math.fsum(x)])], 1)
    out = case.output("parts", part)
    case.row["commands"].append({"copy": {"from": held, "to": out, "len": parts}})
    zero = case.output("zeros", [0.0] * 5)
    case.row["commands"].append({"clear": zero})


def fills(export):
    export.shader("map.fill")
    n = 300_001
    case = Case(export, f"map.fill {n} folded")
    case.dispatch("map.fill", [1.5], [], [case.output("x", [1.5] * n)], -(-n // 4), WG=1)
    case = Case(export, "planted: an input is written")
    case.dispatch("map.fill", [1.5], [], [case.input("x", numbers(8, 5))], 1)
    case = Case(export, "planted: a copy into the guard zone")
    source = case.input("x", numbers(8, 6))
    case.row["commands"].append({"copy": {"from": source, "to": case.output("y", numbers(4, 6)), "len": 8}})


def broken(export):
    text = (export.dump / "map" / "fill.wgsl").read_text()
    export.shaders["broken"] = {"wgsl": text + "fn f() -> u32 { return 1.0; }\n", "subgroup": 0}
    case = Case(export, "planted: a shader with a type error")
    case.dispatch("broken", [1.5], [], [case.output("x", [1.5] * 8)], 1)


def endless(export):
    """A loop that never ends; drivers without a watchdog keep the process."""
    text = (export.dump / "map" / "fill.wgsl").read_text()
    loop = "    var k = bitcast<u32>(p.value);\n    while (k != 0u) { k = (k * 3u) | 1u; y[i] = vec4<f32>(f32(k)); }\n"
    text = text.replace("    y[i] =", loop + "    y[i] =")
    export.shaders["endless"] = {"wgsl": text, "subgroup": 0}
    case = Case(export, "planted: a loop without an end")
    case.dispatch("endless", [1.5], [], [case.output("x", [1.5] * 8)], 1)


def main():
    export = Export(pathlib.Path(sys.argv[1]))
    for family in (products, endless, sums, fills, broken):
        family(export)
    export.write(pathlib.Path(sys.argv[2]))


main()

"""Override values of a shader: the set that a file name states, and every combination that the text tells apart."""

import itertools
import re

from wgsl import split, tokenize

COMPARES = {"==", "!=", "<", ">", "<=", ">="}


def of_name(stem):
    """`matmul@BIAS=1,WG=64` is the set BIAS=1,WG=64 of matmul; a plain stem has what `unlearn` chose."""
    kernel, _, values = stem.partition("@")
    return kernel, values


def literal(word):
    match = re.fullmatch(r"(\d+)u?", word)
    return int(match.group(1)) if match else None


def told_apart(tokens, name):
    """The literals that `name` is compared with, and for an order also the next one; the cases of a switch over it."""
    found = set()
    words = [t.text for t in tokens]
    for i, word in enumerate(words):
        if word != name:
            continue
        for op, other in ((words[i + 1], words[i + 2]), (words[i - 1], words[i - 2])):
            value = literal(other)
            if op in COMPARES and value is not None:
                found |= {value} if op in ("==", "!=") else {value, value + 1}
        if "switch" in words[max(i - 2, 0) : i]:
            brace = words.index("{", i)
            depth, at = 1, brace + 1
            while depth and at < len(words):
                depth += (words[at] == "{") - (words[at] == "}")
                if depth == 1 and words[at] == "case":
                    end = next(j for j in range(at, len(words)) if words[j] in ("{", ":"))
                    found |= {literal(part[0].text) for part in split(tokens[at + 1 : end])} - {None}
                at += 1
    return found


def overrides(text):
    """Name, default (None without one) and the values worth trying, in the order of the text."""
    tokens = tokenize(text)
    words = [t.text for t in tokens]
    out = []
    for i, word in enumerate(words):
        if word != "override":
            continue
        end = words.index(";", i)
        name = words[i + 1]
        default = literal(words[end - 1]) if "=" in words[i:end] else None
        values = told_apart(tokens, name) | ({default} if default is not None else set())
        if values == {1} or values == {0}:
            values = {0, 1}  # a switch
        if len(values) == 1 and not name.startswith("WG"):
            values |= {default + 1}  # a size that nothing is compared with: one more than the default
        out.append((name, default, sorted(values)))
    return out


def sweep(text):
    """Every combination of values, as `A=0,B=1`; one empty set for a shader without overrides."""
    rows = overrides(text)
    combos = itertools.product(*[values for _, _, values in rows])
    return [",".join(f"{row[0]}={value}" for row, value in zip(rows, combo)) for combo in combos]


def sorted_by_name(values):
    """`B=1,A=0` as `unlearn` names the set: `A=0,B=1`."""
    return ",".join(sorted(values.split(","), key=lambda pair: pair.partition("=")[0]))


def as_constants(text, values):
    """The text with the overrides of the set `A=0,B=1` turned into constants: for front ends that take no values."""
    for pair in filter(None, values.split(",")):
        name, _, value = pair.partition("=")
        text = re.sub(rf"\boverride\s+{name}\s*:\s*(\w+)[^;]*;", rf"const {name}: \1 = \1({value});", text)
    return text

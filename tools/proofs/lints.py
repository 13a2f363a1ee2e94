"""What front ends let through and some driver gets wrong. bad/ plants faults for each; `--self-test` sees them caught.

uniform-barrier   a barrier or a subgroup operation where the invocations of a workgroup may part
workgroup-init    workgroup memory that is read before anything was stored there
bounds            a storage access at an index from the workgroup's id that was compared with nothing
float-atomics     atomics of floats, or a compare-exchange loop over their bits: the order of the threads shows
nan-self-compare  `x != x` or `x == x`: compilers may assume that no NaN exists; test the bits
subgroup-size     arithmetic that only holds for one size of a subgroup
"""

import re

from walk import Walk
from wgsl import closing, parse, strip_comments

NAMES = ("uniform-barrier", "workgroup-init", "bounds", "float-atomics", "nan-self-compare", "subgroup-size")
SIZES = {4, 8, 16, 32, 64, 128}
# Kernels that broadcast ask for subgroups of at least eight lanes (`Requires::Subgroup8`).
LANES = 8
NAMED_SIZE = re.compile(r"(SUBGROUP|SIMD|WARP|WAVE)(_?(SIZE|WIDTH|LANES))?$", re.I)


def lint(text):
    """(lint, line, message) of one composed shader, by line."""
    shader = parse(text)
    found = set(Walk(shader).found)
    found |= float_atomics(shader)
    found |= self_compares(shader.tokens)
    if any(t.text.startswith("subgroup") for t in shader.tokens):
        found |= subgroup_sizes(shader)
    return sorted(found, key=lambda f: (f[1], f[0]))


def number(token):
    match = re.fullmatch(r"(\d+)[ui]?", token.text)
    return int(match.group(1)) if match else None


def float_atomics(shader):
    found, tokens = set(), shader.tokens
    for i, token in enumerate(tokens[:-2]):
        if token.text == "atomic" and tokens[i + 2].text in ("f32", "f16"):
            found.add(("float-atomics", token.line, f"`atomic<{tokens[i + 2].text}>` is not WGSL"))
    words = [t.text for t in tokens]
    starts = [i for i, w in enumerate(words) if w == "fn"] + [len(words)]
    for start, end in zip(starts, starts[1:]):
        body = words[start:end]
        if "bitcast" in body and {"atomicCompareExchangeWeak", "atomicExchange"} & set(body):
            at = start + next(i for i, w in enumerate(body) if w in ("atomicCompareExchangeWeak", "atomicExchange"))
            found.add(("float-atomics", tokens[at].line, "an exchange of float bits: the result depends on the order"))
    return found


def operand_before(tokens, at):
    """The words of the operand that ends before `at`: names, fields, indices, calls."""
    i = at - 1
    while i >= 0:
        word = tokens[i].text
        if word in (")", "]"):
            depth = 0
            while i >= 0:
                depth += (tokens[i].text in ")]") - (tokens[i].text in "([")
                if depth == 0:
                    break
                i -= 1
            if i > 0 and (tokens[i - 1].text.isidentifier() or tokens[i - 1].text in "])"):
                i -= 1
                continue
            break
        if i > 0 and tokens[i - 1].text == ".":
            i -= 2
            continue
        break
    return [t.text for t in tokens[i:at]]


def operand_after(tokens, at):
    i = at
    if tokens[i].text != "(":
        i += 1
    while i < len(tokens) and tokens[i].text in (".", "[", "("):
        i = i + 2 if tokens[i].text == "." else closing(tokens, i) + 1
    return [t.text for t in tokens[at:i]]


def self_compares(tokens):
    found = set()
    for i, token in enumerate(tokens[:-1]):
        if token.text not in ("!=", "=="):
            continue
        left, right = operand_before(tokens, i), operand_after(tokens, i + 1)
        if left == right and number(tokens[i + 1]) is None:
            found.add(("nan-self-compare", token.line, f"`{''.join(left)} {token.text} {''.join(right)}`"))
    return found


def subgroup_sizes(shader):
    found, tokens = set(), shader.tokens
    bound = {n: b for f in shader.functions.values() for n, b in f.params if b}
    lanes = {n for n, b in bound.items() if b in ("local_invocation_index", "subgroup_invocation_id")}
    sizes = {n for n, b in bound.items() if b == "subgroup_size"}
    groups = {n for n, _ in shader.overrides if n.startswith("WG")}

    def say(token, message):
        found.add(("subgroup-size", token.line, message))

    for i, token in enumerate(tokens[:-2]):
        name, op, right = token.text, tokens[i + 1].text, number(tokens[i + 2])
        if right is not None:
            split_by = {"/": right, "%": right, "&": right + 1, ">>": 1 << min(right, 8)}.get(op)
            of_eight = split_by == LANES and bound.get(name) == "subgroup_invocation_id"
            if name in lanes | groups and split_by in SIZES and not of_eight:
                say(token, f"`{name} {op} {right}` takes the size of a subgroup for {split_by}")
            if name in sizes and op in ("==", "!=", "<", ">", "<=", ">="):
                say(token, f"`{name} {op} {right}`: a subgroup may have any size from 4 to 128")
        if name in ("const", "override", "let") and NAMED_SIZE.match(op):
            say(token, f"`{op}` is a constant; the builtin subgroup_size is not")
        if re.match(r"subgroup(Broadcast|Shuffle)", name) and op == "(":
            far = number(tokens[closing(tokens, i + 1) - 1])
            if far is not None and far >= LANES:
                say(token, f"`{name}` reaches {far} lanes away; kernels may count on {LANES}")
    return found


def lint_text(text):
    """As `lint`, with the source line behind each finding."""
    lines = strip_comments(text).split("\n")
    return [f"{name}: line {line}: {what}: {lines[line - 1].strip()}" for name, line, what in lint(text)]

"""Enough of WGSL's grammar for the lints: tokens, global variables, functions and their trees of statements.

Expressions stay lists of tokens. The text is taken to be valid (naga and tint judge that); what is unknown is skipped.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

TEMPLATES = {"array", "vec2", "vec3", "vec4", "ptr", "atomic", "bitcast", "var"}
TEMPLATES |= {f"mat{c}x{r}" for c in "234" for r in "234"}
TOKEN = re.compile(
    r"[A-Za-z_]\w*"
    r"|0[xX][0-9a-fA-F]+[iu]?|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[iufh]?"
    r"|->|&&|\|\||==|!=|<=|>=|<<=|>>=|<<|>>|\+=|-=|\*=|/=|%=|&=|\|=|\^=|\+\+|--|\S"
)
ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
OPEN = {"(": ")", "[": "]", "{": "}"}
# Template brackets, told apart from comparisons by the tokenizer.
OPENS, CLOSES = "<:", ":>"


class Token(NamedTuple):
    text: str
    line: int


@dataclass
class Statement:
    """kind: let, assign, call, return, break, continue, if, loop, switch, block."""

    kind: str
    line: int
    name: str = ""
    expr: list = field(default_factory=list)
    target: list = field(default_factory=list)
    blocks: list = field(default_factory=list)
    conds: list = field(default_factory=list)
    tail: list = field(default_factory=list)


@dataclass
class Function:
    name: str
    line: int
    params: list  # (name, the builtin it is bound to or "")
    body: list
    entry: bool


@dataclass
class Shader:
    tokens: list
    globals: dict  # name -> (space, access, tokens of the type)
    overrides: list
    functions: dict


def strip_comments(text):
    """Comments become blanks; line numbers stay."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group())
    return re.sub(r"//[^\n]*|/\*.*?\*/", blank, text, flags=re.S)


def tokenize(text):
    """Words with their lines; template brackets come out as OPENS and CLOSES."""
    out, depth = [], []
    clean = strip_comments(text)
    for number, line in enumerate(clean.split("\n"), 1):
        for match in TOKEN.finditer(line):
            word = match.group()
            if word == "<" and out and out[-1].text in TEMPLATES:
                depth.append(0)
                out.append(Token(OPENS, number))
                continue
            if depth and word and set(word) == {">"}:
                for _ in word:
                    if depth:
                        depth.pop()
                    out.append(Token(CLOSES, number))
                continue
            out.append(Token(word, number))
    return out


def closing(tokens, at):
    """Index of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(tokens)):
        if tokens[i].text in OPEN:
            depth += 1
        elif tokens[i].text in OPEN.values():
            depth -= 1
            if depth == 0:
                return i
    return len(tokens) - 1


def split(tokens, separator=","):
    """Splits at the separators outside all brackets."""
    parts, part, depth = [], [], 0
    for token in tokens:
        if token.text in OPEN or token.text == OPENS:
            depth += 1
        elif token.text in OPEN.values() or token.text == CLOSES:
            depth -= 1
        if token.text == separator and depth == 0:
            parts.append(part)
            part = []
        else:
            part.append(token)
    return parts + [part] if part else parts


def until(tokens, at, stops):
    """Index of the first token of `stops` at or after `at` outside brackets."""
    while at < len(tokens) and tokens[at].text not in stops:
        at = closing(tokens, at) + 1 if tokens[at].text in OPEN else at + 1
    return at


def _simple(tokens):
    """A statement without a block: let, assignment, call, return."""
    head, line = tokens[0].text, tokens[0].line
    if head in ("let", "var", "const"):
        equals = until(tokens, 1, {"="})
        at = 1
        while tokens[at].text == OPENS or (at > 1 and tokens[at - 1].text != CLOSES and tokens[1].text == OPENS):
            at += 1
        return Statement("let", line, name=tokens[at].text, expr=tokens[equals + 1 :])
    if head in ("return", "break", "continue", "discard"):
        kind = "return" if head == "discard" else head
        conds = [tokens[2:]] if head == "break" and len(tokens) > 1 else []
        return Statement(kind, line, expr=tokens[1:] if head == "return" else [], conds=conds)
    at = until(tokens, 0, ASSIGN | {"++", "--"})
    if at < len(tokens):
        value = tokens[at + 1 :] if tokens[at].text == "=" else tokens[:at] + tokens[at + 1 :]
        return Statement("assign", line, target=tokens[:at], expr=value)
    return Statement("call", line, expr=tokens)


def _if(tokens, at):
    statement = Statement("if", tokens[at].line)
    while True:
        brace = until(tokens, at + 1, {"{"})
        end = closing(tokens, brace)
        statement.conds.append(tokens[at + 1 : brace])
        statement.blocks.append(block(tokens[brace + 1 : end]))
        at = end + 1
        if at >= len(tokens) or tokens[at].text != "else":
            return statement, at
        if tokens[at + 1].text == "{":
            end = closing(tokens, at + 1)
            statement.blocks.append(block(tokens[at + 2 : end]))
            return statement, end + 1
        at += 1


def _loop(tokens, at):
    """`for`, `while` and `loop`: conds[0] the condition, blocks[0] the body, tail what runs between turns."""
    head, line = tokens[at].text, tokens[at].line
    brace = until(tokens, at + 1, {"{"})
    end = closing(tokens, brace)
    statement = Statement("loop", line, blocks=[block(tokens[brace + 1 : end])])
    init = []
    if head == "for":
        parts = _clauses(tokens[at + 2 : brace - 1])
        init = [_simple(parts[0])] if parts[0] else []
        statement.conds = [parts[1]]
        statement.tail = [_simple(parts[2])] if parts[2] else []
    else:
        statement.conds = [tokens[at + 1 : brace]]
    return init + [statement], end + 1


def _clauses(tokens):
    parts, at = [], 0
    for _ in range(3):
        end = until(tokens, at, {";"})
        parts.append(tokens[at:end])
        at = end + 1
    return parts


def _switch(tokens, at):
    brace = until(tokens, at + 1, {"{"})
    end = closing(tokens, brace)
    statement = Statement("switch", tokens[at].line, conds=[tokens[at + 1 : brace]])
    i = brace + 1
    while i < end:
        inner = until(tokens, i, {"{"})
        if inner >= end:
            break
        stop = closing(tokens, inner)
        statement.blocks.append(block(tokens[inner + 1 : stop]))
        i = stop + 1
    return statement, end + 1


def block(tokens):
    """The statements between two braces."""
    out, at = [], 0
    while at < len(tokens):
        head = tokens[at].text
        if head == ";":
            at += 1
        elif head == "@":
            at = closing(tokens, at + 2) + 1 if at + 2 < len(tokens) and tokens[at + 2].text == "(" else at + 2
        elif head == "if":
            statement, at = _if(tokens, at)
            out.append(statement)
        elif head in ("for", "while", "loop"):
            statements, at = _loop(tokens, at)
            out += statements
        elif head == "switch":
            statement, at = _switch(tokens, at)
            out.append(statement)
        elif head in ("{", "continuing"):
            brace = until(tokens, at, {"{"})
            end = closing(tokens, brace)
            out.append(Statement("block", tokens[at].line, blocks=[block(tokens[brace + 1 : end])]))
            at = end + 1
        else:
            end = until(tokens, at, {";"})
            out.append(_simple(tokens[at:end]))
            at = end + 1
    return out


def _params(tokens):
    out = []
    for part in split(tokens):
        words = [t.text for t in part]
        builtin = words[words.index("builtin") + 2] if "builtin" in words else ""
        depth, colon = 0, len(words)
        for i, word in enumerate(words):
            depth += (word in OPEN) - (word in OPEN.values())
            if word == ":" and depth == 0:
                colon = i
                break
        out.append((words[colon - 1], builtin))
    return out


def parse(text):
    """Globals and functions of one composed shader."""
    tokens = tokenize(text)
    shader = Shader(tokens, {}, [], {})
    at, entry = 0, False
    while at < len(tokens):
        head = tokens[at].text
        if head == "fn":
            paren = at + 2
            close = closing(tokens, paren)
            brace = until(tokens, close + 1, {"{"})
            end = closing(tokens, brace)
            name = tokens[at + 1].text
            body = block(tokens[brace + 1 : end])
            shader.functions[name] = Function(name, tokens[at].line, _params(tokens[paren + 1 : close]), body, entry)
            at, entry = end + 1, False
        elif head == "@":
            entry = entry or tokens[at + 1].text == "compute"
            at = closing(tokens, at + 2) + 1 if tokens[at + 2].text == "(" else at + 2
        elif head in ("var", "override", "const", "alias", "enable", "requires", "diagnostic"):
            end = until(tokens, at, {";"})
            _global(shader, tokens[at:end])
            at = end + 1
        elif head == "struct":
            at = closing(tokens, until(tokens, at, {"{"})) + 1
        else:
            at += 1
    return shader


def _global(shader, tokens):
    words = [t.text for t in tokens]
    if words[0] == "override":
        shader.overrides.append((words[1], tokens[words.index("=") + 1 :] if "=" in words else None))
    if words[0] == "var" and CLOSES in words:
        end = words.index(CLOSES)
        space = words[2]
        access = words[4] if end > 4 else "read"
        shader.globals[words[end + 1]] = (space, access, tokens[end + 3 :])

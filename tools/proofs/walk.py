"""One abstract run of a shader's entry point, functions inlined, that follows two properties of every value.

lane:   may differ between the invocations of a workgroup.
group:  comes from the workgroup's id, so it may lie past the last element: the engine rounds the grid up.
check:  the outcome of comparing such a value, so a branch on it is a bounds check.

Beside them, in the order of the text: which variables of workgroup memory something was stored to before they are read.

Branches on `lane` make control flow non-uniform (WGSL 15.2, coarser: what is read from workgroup memory and writable
storage always counts as `lane`). Branches on `check` guard what follows, whatever they compare with: a wrong comparison
is a matter for the cases.
"""

from wgsl import CLOSES, OPENS, closing, split

BARRIERS = {"workgroupBarrier", "storageBarrier", "textureBarrier", "subgroupBarrier", "workgroupUniformLoad"}
BUILTINS = {
    "workgroup_id": {"group"},
    "global_invocation_id": {"group", "lane"},
    "local_invocation_id": {"lane"},
    "local_invocation_index": {"lane"},
    "subgroup_invocation_id": {"lane"},
    "subgroup_id": {"lane"},
}
RELATIONS = {"<", ">", "<=", ">="}
NONE = frozenset()


class State:
    """What holds at one point of one function."""

    def __init__(self, env, guarded, divergent):
        self.env, self.guarded, self.divergent = env, guarded, divergent
        self.result, self.exits, self.returned = frozenset(), 0, False

    def flow(self):
        """What a value gets from where it is assigned."""
        return frozenset({"lane"}) if self.divergent else NONE


class Walk:
    """Runs the entry point; `found` then holds (lint, line, message)."""

    def __init__(self, shader):
        self.shader, self.found, self.memo = shader, set(), {}
        self.filled = set()  # variables of workgroup memory that hold more than what lay there
        for function in shader.functions.values():
            if function.entry:
                args = [frozenset(BUILTINS.get(builtin, NONE)) for _, builtin in function.params]
                self.call(function, args, False, False)

    def call(self, function, args, guarded, divergent):
        """Properties of the result."""
        key = (function.name, tuple(args), guarded, divergent)
        if key not in self.memo:
            self.memo[key] = NONE
            state = State({n: a for (n, _), a in zip(function.params, args)}, guarded, divergent)
            self.block(function.body, state)
            self.memo[key] = state.result
        return self.memo[key]

    # Statements. Each returns True if control always leaves the block there.

    def block(self, statements, state):
        for statement in statements:
            if getattr(self, "on_" + statement.kind)(statement, state):
                return True
        return False

    def on_let(self, s, state):
        state.env[s.name] = self.value(s.expr, state) | state.flow()

    def on_assign(self, s, state):
        props = self.value(s.expr, state)
        root = next((t.text for t in s.target if t.text.isidentifier()), "")
        self.filled.add(root)  # `x += 1` has read it just above
        self.value(s.target, state)
        if root in state.env:
            state.env[root] = state.env[root] | props | state.flow()

    def on_call(self, s, state):
        words = [t.text for t in s.expr]
        if words[0].startswith("coopStore") and "&" in words:
            self.filled.add(words[words.index("&") + 1])
        self.value(s.expr, state)

    def on_return(self, s, state):
        state.result |= self.value(s.expr, state) | state.flow()
        state.exits += 1
        state.returned = state.returned or state.divergent
        return True

    def on_break(self, s, state):
        state.exits += 1
        for cond in s.conds:  # `break if`
            state.divergent = state.divergent or "lane" in self.value(cond, state)
        return not s.conds

    def on_continue(self, s, state):
        state.exits += 1
        return True

    def on_block(self, s, state):
        return self.block(s.blocks[0], state)

    def on_if(self, s, state):
        guarded, outer = state.guarded, state.divergent
        check = lane = False
        after_guarded, after_divergent, leaves = guarded, outer, []
        for i, body in enumerate(s.blocks):
            if i < len(s.conds):
                state.guarded, state.divergent = guarded, outer
                props = self.value(s.conds[i], state)
                check, lane = check or "check" in props, lane or "lane" in props
            start, exits = outer or lane, state.exits
            state.guarded, state.divergent = guarded or check, start
            leaves.append(self.block(body, state))
            after_guarded = after_guarded or (leaves[-1] and check)
            after_divergent = after_divergent or (state.exits > exits if start else state.divergent)
        state.guarded, state.divergent = after_guarded, after_divergent
        return len(s.blocks) > len(s.conds) and all(leaves)

    def on_loop(self, s, state):
        guarded, outer = state.guarded, state.divergent
        for _ in range(2):  # the second turn sees what the first one assigned
            props = self.value(s.conds[0], state)
            state.guarded = guarded or "check" in props
            state.divergent = state.divergent or "lane" in props
            self.block(s.blocks[0], state)
            self.block(s.tail, state)
        # Invocations that broke off meet again behind the loop; those that returned do not.
        state.guarded, state.divergent = guarded, outer or state.returned
        return False

    def on_switch(self, s, state):
        guarded, outer = state.guarded, state.divergent
        props = self.value(s.conds[0], state)
        for body in s.blocks:
            state.divergent, state.guarded = outer or "lane" in props, guarded
            self.block(body, state)
        state.divergent, state.guarded = outer or state.returned, guarded
        return False

    # Expressions.

    def value(self, tokens, state):
        """Union of the properties of all operands; reports barriers and unguarded accesses on the way."""
        props, term, at, compares, guarded = NONE, NONE, 0, False, state.guarded
        while at < len(tokens):
            word = tokens[at].text
            if word in ("(", "["):
                end = closing(tokens, at)
                term |= self.value(tokens[at + 1 : end], state)
                at = end + 1
                continue
            if word.isidentifier():
                operand, at = self.operand(tokens, at, state)
                term |= operand
                continue
            if word == "%":
                term -= {"group"}  # a remainder is as good as a clamp
            elif word not in ("*", "/", "."):
                props, term = props | term, NONE
            if word in ("&&", "||") and compares and "group" in props:
                state.guarded = True  # the right side runs only where the left side allows it
            compares = compares or word in RELATIONS
            at += 1
        state.guarded, props = guarded, props | term
        if compares:
            props = (props - {"group"}) | ({"check"} if "group" in props else NONE)
        return props

    def operand(self, tokens, at, state):
        """A name with its template arguments, call and indices."""
        name, line = tokens[at].text, tokens[at].line
        at += 1
        if at < len(tokens) and tokens[at].text == OPENS:
            at = next(i for i in range(at, len(tokens)) if tokens[i].text == CLOSES and nested(tokens, at, i)) + 1
        if at < len(tokens) and tokens[at].text == "(":
            end = closing(tokens, at)
            props, at = self.called(name, split(tokens[at + 1 : end]), line, state), end + 1
            while at < len(tokens) and tokens[at].text == ".":
                at += 2  # a field of the result, whatever else has its name
            return props, at
        props = state.env.get(name, NONE)
        while at < len(tokens) and tokens[at].text in (".", "["):
            if tokens[at].text == ".":
                at += 2
                continue
            end = closing(tokens, at)
            props = self.access(name, props | self.value(tokens[at + 1 : end], state), line, state)
            at = end + 1
        space, access, _ = self.shader.globals.get(name, ("", "", ()))
        if space == "workgroup" and name not in self.filled:
            what = f"`{name}` is read before anything was stored there, and the trusted lane does not clear it"
            self.found.add(("workgroup-init", line, what))
        if space == "workgroup" or (space == "storage" and access == "read_write"):
            props = (props - {"group"}) | {"lane"}
        return props, at

    def access(self, name, index, line, state):
        space, _, _ = self.shader.globals.get(name, ("", "", ()))
        if space != "storage":
            return index
        if "group" in index and not state.guarded:
            what = f"`{name}` is indexed by a value that comes from the workgroup's id and was compared with nothing"
            self.found.add(("bounds", line, what))
        return index - {"group", "check"}  # data, whatever its place was

    def called(self, name, args, line, state):
        together = name in BARRIERS or name.startswith("subgroup")
        if together and state.divergent:
            what = f"`{name}` in control flow that differs between the invocations of a workgroup"
            self.found.add(("uniform-barrier", line, what))
        if name == "atomicStore":
            self.filled |= {t.text for t in args[0][1:2]}
        values = [self.value(arg, state) for arg in args]
        joined = frozenset().union(*values)
        for arg in args:  # what a pointer leads to may have been written
            if len(arg) > 1 and arg[0].text == "&" and arg[1].text in state.env:
                state.env[arg[1].text] = state.env[arg[1].text] | joined | state.flow()
        if name == "workgroupUniformLoad":
            return NONE
        if name in ("min", "clamp"):
            return joined - {"group"}  # a clamped index needs no check
        if name in self.shader.functions:
            return self.call(self.shader.functions[name], values, state.guarded, state.divergent)
        return joined


def nested(tokens, start, end):
    """True if the template bracket at `start` is closed at `end`."""
    words = [t.text for t in tokens[start : end + 1]]
    return words.count(OPENS) == words.count(CLOSES)

"""Unlearning methods on a small graph in PyTorch, float64, for assets/parity/graph_methods.safetensors.

Graph, networks, requests and settings come from assets/parity/graph_methods.toml; a step is the whole graph. Written
from the papers and the conventions that each method states of itself, with dense matrices: `CASE.REQUEST.P` is
parameter P after a case, `N.P` what network N starts from, `N.fresh.P` what a new training would start from, `x` and
`y` the nodes.
Usage: python tools/parity/graph_methods.py
"""
import math
import pathlib
import tomllib

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, kl_div, log_softmax, logsigmoid, softmax

from methods import key, philox

HOME = pathlib.Path(__file__).parents[2] / "assets/parity"
FILE = tomllib.loads((HOME / "graph_methods.toml").read_text())
GRAPH, SEED = FILE["graph"], FILE["graph"]["seed"]
NODES, CLASSES, TRAIN = GRAPH["nodes"], GRAPH["classes"], GRAPH["train"]
SINGLE = lambda t: t.float().double()


def adjacency(edges):
    """Of undirected edges, without self-loops."""
    a = torch.zeros(NODES, NODES)
    for u, v in edges:
        a[u, v] = a[v, u] = 1.0
    return a


def normalised(a):
    a = a + torch.eye(NODES)
    d = a.sum(1).rsqrt()
    return d[:, None] * a * d[None, :]


class Net:
    """Parameters by name, and outputs of all nodes on a graph."""

    def __init__(self, kind, p):
        self.kind, self.p = kind, {k: v.clone().requires_grad_() for k, v in p.items()}

    def __call__(self, graph):
        a, x = graph
        p = self.p
        if self.kind == "sgc":
            return a @ (a @ x) @ p["conv1.lin.weight"].T + p["conv1.lin.bias"]
        h = torch.tanh(a @ (x @ p["conv1.lin.weight"].T) + p["conv1.bias"])
        return a @ (h @ p["conv2.lin.weight"].T) + p["conv2.bias"]

    def list(self):
        return list(self.p.values())

    def flat(self, grads):
        return torch.cat([g.flatten() for g in grads])

    def add(self, step):
        at = 0
        for v in self.list():
            v.data += step[at : at + v.numel()].view_as(v)
            at += v.numel()


def drawn(kind, seed):
    """The parameters that a seed draws: Glorot's uniform weights, no bias."""
    p = {}
    for name, shape in SHAPES[kind].items():
        h = 0xCBF29CE484222325
        for byte in name.encode():
            h = (h ^ byte) * 0x100000001B3 % 2**64
        n = math.prod(shape)
        words = [w for i in range(-(-n // 4)) for w in philox([i, h & 0xFFFFFFFF, h >> 32, 0], key(seed))]
        u = torch.tensor([(w >> 8) / 2**24 for w in words[:n]])
        bound = math.sqrt(6 / sum(shape)) if len(shape) > 1 else 0.0
        p[name] = SINGLE((2 * u - 1) * bound).view(shape)
    return p


SHAPES = {
    "gcn": {
        "conv1.lin.weight": (5, GRAPH["features"]),
        "conv1.bias": (5,),
        "conv2.lin.weight": (3, 5),
        "conv2.bias": (3,),
    },
    "sgc": {"conv1.lin.weight": (3, GRAPH["features"]), "conv1.lin.bias": (3,)},
    "square": {
        "conv1.lin.weight": (6, GRAPH["features"]),
        "conv1.bias": (6,),
        "conv2.lin.weight": (3, 6),
        "conv2.bias": (3,),
    },
}


class Task:
    """A request: the graph before and after, and who is who."""

    def __init__(self, x, y, request, kind, p, fresh):
        self.y, self.net, self.old, self.fresh = y, Net(kind, p), Net(kind, p), fresh
        edges = [tuple(e) for e in GRAPH["edges"]]
        gone, rows = request.get("nodes", []), request.get("rows", [])
        lost = {tuple(e) for e in request.get("edges", [])}
        touches = lambda e: e[0] in gone or e[1] in gone
        left = [e for e in edges if e not in lost and not touches(e)]
        bare = x.clone()
        bare[gone + rows] = 0.0
        self.x, self.a = x, adjacency(edges)
        self.before, self.after = (normalised(self.a), x), (normalised(adjacency(left)), bare)
        self.gone = sorted(gone)
        self.changed = sorted({v for e in lost for v in e} | set(rows))
        self.marked = sorted(self.gone + self.changed)
        self.lost = lost
        self.retain = [v for v in TRAIN if v not in gone]
        starts = set(gone) | set(rows) | {v for e in edges if e not in left for v in e}
        reached = self.within(starts, 2)
        self.reached = [v for v in self.retain if v in reached]
        # Where nodes go, they are forgotten; else the retained ones that are reached.
        self.forget = [v for v in TRAIN if v in gone] if gone else self.reached
        self.named = [v for v in self.forget if v in self.marked]
        self.edges_alone = not gone and not rows

    def within(self, starts, hops):
        found = set(starts)
        for _ in range(hops):
            found |= {int(u) for v in found for u in self.a[v].nonzero().flatten()}
        return found

    def loss(self, graph, nodes, reduction="mean"):
        return cross_entropy(self.net(graph)[nodes], self.y[nodes], reduction=reduction)

    def gradient(self, value, **more):
        return self.net.flat(torch.autograd.grad(value, self.net.list(), **more))


def megu(t, s):
    hops, width = 2, CLASSES
    numbers = [w for i in range(-(-width * (width + 1) // 4)) for w in philox([i, 0, 0x6D656775, 0], key(SEED))]
    numbers = [(2 * (w >> 8) / 2**24 - 1) / math.sqrt(width) for w in numbers[: width * (width + 1)]]
    gate = [torch.tensor(numbers[: width**2]).view(width, width), torch.tensor(numbers[width**2 :])]
    gate = [v.requires_grad_() for v in gate]
    a = t.before[0]
    inverted = t.x.clone()
    inverted[t.marked] = 1 - inverted[t.marked]
    similar = torch.cosine_similarity(a @ a @ t.x, a @ a @ inverted)
    most, before = 0.1, 0.0
    while True:
        below = similar[similar <= most]
        if len(below) and below.max() == before:
            break
        before = below.max() if len(below) else before
        most += 0.1
        if most > 1.05:
            most = 2.0
            break
    near = t.within(t.marked, hops) - set(t.marked)
    near = sorted(v for v in near if similar[v] <= most)
    label = t.old(t.before).argmax(1)
    kd = lambda p, q: kl_div(log_softmax(p / 1.5, 1), softmax(q.detach() / 1.5, 1), reduction="batchmean")
    for _ in range(s["steps"]):
        z = torch.cat([t.net(t.before)[t.gone], t.net(t.after)[t.changed]])
        r = t.net(t.after)[near]
        named = label[t.gone + t.changed]
        g = lambda v: v @ gate[0].T + gate[1]
        loss = s["kappa"] * (kd(z, g(z)) - cross_entropy(g(z), named)) + kd(g(r), r) + cross_entropy(r, label[near])
        every = t.net.list() + gate
        for v, d in zip(every, torch.autograd.grad(loss, every)):
            v.data -= s["lr"] * d


def cognac(t, s):
    far = (softmax(t.old(t.before), 1) - softmax(t.old(t.after), 1)).abs().sum(1).detach()
    near = t.changed if t.edges_alone else sorted(t.within(t.marked, 2) - set(t.marked))
    count = max(1, int(s["share"] * len(near)))
    anchors = sorted(sorted(near, key=lambda v: (-far[v].item(), v))[:count])
    away = lambda v: [u if w == v else w for u, w in t.lost if v in (u, w)] if t.edges_alone else t.marked
    rates = [s["contrast_lr"], s["ascent_lr"], s["descent_lr"]]
    turn, up, down = [torch.optim.Adam(t.net.list(), rate) for rate in rates]

    def step(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def contrast():
        z, total = t.net(t.before), 0.0
        for v in anchors:
            towards = sorted(t.within([v], 2) - {v} - set(away(v)))
            if towards:
                total -= logsigmoid(z[towards] @ z[v]).mean()
            total -= logsigmoid(-(z[away(v)] @ z[v])).mean()
        return total / len(anchors)

    for _ in range(s["rounds"]):
        for _ in range(s["contrast_steps"]):
            step(turn, contrast())
        for _ in range(s["repair_steps"]):
            if t.named:
                step(up, -t.loss(t.before, t.named))
            step(down, t.loss(t.after, t.retain))


def teach(t, optimizer, epochs, keep, lose, share):
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = share[0] * keep(t.net(t.after)[t.retain])
        if t.named:
            loss = loss + share[1] * lose(t.net(t.before)[t.named])
        loss.backward()
        optimizer.step()


def towards(teacher, nodes, graph, temperature):
    goal = softmax(teacher(graph)[nodes].detach() / temperature, 1)
    scale = temperature**2
    return lambda z: scale * kl_div(log_softmax(z / temperature, 1), goal, reduction="batchmean")


def both(t, lost, temperature):
    """The distances to the original on what stays, and to one that knows nothing on what is named."""
    pairs = (t.old, t.retain), (lost, t.named)
    return [towards(net, nodes, t.before, temperature) for net, nodes in pairs]


def d2dgn(t, s):
    lost = Net(t.net.kind, drawn(t.net.kind, SEED ^ 0x64326467))
    if s.get("knowledge") == "feature":
        match = lambda teacher, nodes: (lambda z, goal=teacher(t.before)[nodes].detach(): (z - goal).square().mean())
        keep, lose = match(t.old, t.retain), match(lost, t.named)
    else:
        keep, lose = both(t, lost, s["temperature"])
    if s.get("start") == "fresh":
        t.net = Net(t.net.kind, t.fresh)
    optimizer = torch.optim.Adam(t.net.list(), s["lr"], weight_decay=FILE["recipe"]["weight_decay"])
    teach(t, optimizer, s["epochs"], keep, lose, (s["alpha"], 1 - s["alpha"]))


def bad_teacher(t, s):
    lost = Net(t.net.kind, drawn(t.net.kind, SEED ^ 0x62616474))
    keep, lose = both(t, lost, s["temperature"])
    optimizer = torch.optim.SGD(t.net.list(), s["lr"], momentum=0.9, weight_decay=FILE["recipe"]["weight_decay"])
    teach(t, optimizer, s["epochs"], keep, lose, (1.0, len(t.named) / len(t.retain)))


def ct(t, s):
    for p in t.net.list():
        if p.dim() == 2 and p.shape[0] == p.shape[1]:
            p.data = p.data.T.contiguous()
    optimizer = torch.optim.SGD(t.net.list(), s["lr"], momentum=0.9, weight_decay=FILE["recipe"]["weight_decay"])
    for step in range(s["epochs"]):
        optimizer.param_groups[0]["lr"] = s["lr"] * 0.5 * (1 + math.cos(math.pi * step / s["epochs"]))
        optimizer.zero_grad()
        t.loss(t.after, t.retain).backward()
        optimizer.step()


def gauss_newton(t, nodes):
    """Of the mean loss on the reduced graph, by whole Jacobians."""
    z = t.net(t.after)[nodes]
    total = 0.0
    for row in z:
        p = softmax(row, 0).detach()
        j = torch.stack([t.gradient(out, retain_graph=True) for out in row])
        total = total + j.T @ (p.diag() - p[:, None] * p[None, :]) @ j
    return total / len(nodes)


def idea(t, s):
    n, decay = len(t.retain), FILE["recipe"]["weight_decay"]
    gone = [v for v in t.forget if v not in t.retain]
    v = t.gradient(t.loss(t.before, gone + t.reached, "sum")) - t.gradient(t.loss(t.after, t.reached, "sum"))
    theta = torch.cat([p.detach().flatten() for p in t.net.list()])
    v = (v + len(gone) * decay * theta) / n
    h = gauss_newton(t, t.retain) + (s["damping"] + decay) * torch.eye(len(v))
    t.net.add(torch.linalg.solve(h, v))


def etr(t, s):
    gone = [v for v in t.forget if v not in t.retain]
    every = sorted(set(t.retain) | set(t.forget))
    grads = lambda graph, nodes: torch.autograd.grad(t.loss(graph, nodes), t.net.list())
    every_g, reached_g = grads(t.before, every), grads(t.before, t.reached)
    gone_g = grads(t.before, gone) if gone else [torch.zeros_like(g) for g in every_g]
    for p, a, u, k in zip(t.net.list(), every_g, gone_g, reached_g):
        a, u, k = a.square(), u.square(), k.square()
        ratios = [a / u, a.square() / (u * k)] if gone else [a / k]
        done = torch.zeros_like(a, dtype=torch.bool)
        for r in ratios:
            r = r.nan_to_num(1.0).clamp(max=1.0)
            q = torch.quantile(r.flatten(), s["erase"])
            here = (r <= q) & ~done
            p.data[here] *= r[here] / q
            done |= here
    m = len(t.retain)
    for p, a, u, k, now in zip(t.net.list(), every_g, gone_g, reached_g, grads(t.after, t.reached)):
        step = a * len(every) - u * len(gone) - k * len(t.reached) + now * len(t.reached)
        p.data -= s["step"] * step / m


def normal(words):
    pair = lambda r, a: (math.sqrt(-2 * math.log(((r >> 8) + 1) / 2**24)), math.tau * (a >> 8) / 2**24)
    (r1, a1), (r2, a2) = pair(*words[:2]), pair(*words[2:])
    return [r1 * math.cos(a1), r1 * math.sin(a1), r2 * math.cos(a2), r2 * math.sin(a2)]


def tilt(net, sigma):
    """The noise of the objective: by places in the program's layout, whose tensors begin at multiples of 64."""
    parts, offset = [], 0
    for v in net.list():
        at = range(offset, offset + v.numel())
        words = lambda i: philox([i // 4, 0, 0x6F626A65, 0], key(SEED))
        parts += [SINGLE(torch.tensor(sigma * normal(words(i))[i % 4])) for i in at]
        offset += -(-v.numel() // 64) * 64
    return torch.stack(parts)


def certified_sgc(t, s):
    n, decay = len(t.retain), FILE["recipe"]["weight_decay"]
    theta = torch.cat([p.detach().flatten() for p in t.net.list()])
    gradient = t.gradient(t.loss(t.after, t.retain)) + decay * theta + tilt(t.net, 3.0) / n
    h = gauss_newton(t, t.retain) + decay * torch.eye(len(theta))
    t.net.add(-torch.linalg.solve(h, gradient))


def main():
    torch.manual_seed(5)
    x = torch.rand(NODES, GRAPH["features"]) * (torch.rand(NODES, GRAPH["features"]) < 0.5)
    x[7] = 0.0
    x, y = SINGLE(x), torch.arange(NODES) * 7 % CLASSES
    out = {"x": x, "y": y}
    start, fresh = {}, {}
    for kind, shapes in SHAPES.items():
        start[kind], fresh[kind] = [{k: SINGLE(1.2 * torch.randn(v)) for k, v in shapes.items()} for _ in range(2)]
        out |= {f"{kind}.{k}": v for k, v in start[kind].items()}
        out |= {f"{kind}.fresh.{k}": v for k, v in fresh[kind].items()}
    for name, case in FILE["cases"].items():
        kind = case["network"]
        for asked in case["requests"]:
            task = Task(x, y, FILE["requests"][asked], kind, start[kind], fresh[kind])
            globals()[case.get("method", name)](task, tomllib.loads(case["settings"]))
            out |= {f"{name}.{asked}.{k}": v.detach() for k, v in task.net.p.items()}
    save_file({k: v.contiguous() if v.dtype == torch.int64 else v.float().contiguous() for k, v in out.items()},
              HOME / "graph_methods.safetensors")


if __name__ == "__main__":
    main()

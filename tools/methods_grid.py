#!/usr/bin/env python3
"""Grids of settings of unlearning methods on small dense networks, in NumPy: what docs/methods chose defaults from.

    python3 tools/methods_grid.py digits                          # 64-128-64-10, 40 epochs: some minutes
    python3 tools/methods_grid.py mnist --data DIR --seeds 1      # 3 000 records, 784-128-10, 20 epochs; DIR: IDX files
    python3 tools/methods_grid.py digits --only tune,shrink --requests class

Methods are written from their equations, apart from the program's. A line is a method with its settings: mean
Jensen-Shannon divergence to four retrains on forgotten and on test records, accuracies on forgotten, retained and test
records (of the retained classes), the loss attack's AUC, and the part of a retrain's steps that it took. Needs NumPy.
"""

import argparse
import gzip
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
RATE, DECAY, MOMENTUM, BATCH, CLASSES = 0.05, 5e-4, 0.9, 32, 10


def digits():
    with gzip.open(ROOT / "assets/data/digits/digits.csv.gz", "rt") as file:
        rows = np.array([[float(v) for v in line.split(",")] for line in file], "f4")
    x, y = rows[:, :64] / 16, rows[:, 64].astype(int)
    order = np.random.default_rng(5).permutation(len(x))
    return [(x[part], y[part]) for part in (order[600:], order[450:600], order[:450])], [64, 128, 64, 10], 40


def mnist(folder):
    def idx(name, offset):
        return np.frombuffer(gzip.open(folder / name).read(), np.uint8)[offset:]

    parts = [(idx(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:n] / np.float32(255),
              idx(f"{part}-labels-idx1-ubyte.gz", 8)[:n].astype(int)) for part, n in (("train", 3300), ("t10k", 2000))]
    (x, y), test = parts
    return [(x[300:], y[300:]), (x[:300], y[:300]), test], [784, 128, 10], 20


def start(sizes, seed):
    rng, net = np.random.default_rng(seed), []
    for a, b in zip(sizes, sizes[1:]):
        net += [(rng.uniform(-1, 1, (a, b)) * np.sqrt(6 / a)).astype("f4"), np.zeros(b, "f4")]
    return net


def forward(net, x):
    layers = [x]
    for i in range(0, len(net), 2):
        z = layers[-1] @ net[i] + net[i + 1]
        layers.append(z if i == len(net) - 2 else np.maximum(z, 0))
    return layers


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def answers(net, x):
    return softmax(forward(net, x)[-1])


def gradient(net, layers, d):
    g = [None] * len(net)
    for i in range(len(net) - 2, -1, -2):
        g[i], g[i + 1] = layers[i // 2].T @ d, d.sum(0)
        if i:
            d = (d @ net[i].T) * (layers[i // 2] > 0)
    return g


def train(net, terms, rate, epochs, seed, cosine=True, clip=0.0, stop=None, frozen=0, held=None):
    """SGD on Σ weight · mean cross-entropy to soft labels; an epoch is a pass over the first term. Returns steps."""
    rng, velocity = np.random.default_rng(seed + 999), [np.zeros_like(p) for p in net]
    steps = -(-len(terms[0][0]) // BATCH)
    orders, at = [None] * len(terms), [0] * len(terms)
    for t in range(steps * epochs):
        g = [np.zeros_like(p) for p in net]
        for k, (x, y, weight) in enumerate(terms):
            if orders[k] is None or at[k] >= len(x) or (k == 0 and t % steps == 0):
                orders[k], at[k] = rng.permutation(len(x)), 0
            batch = orders[k][at[k]:at[k] + BATCH]
            at[k] += BATCH
            layers = forward(net, x[batch])
            d = (weight * (softmax(layers[-1]) - y[batch]) / len(batch)).astype("f4")
            g = [a + b for a, b in zip(g, gradient(net, layers, d))]
        norm = np.sqrt(sum(float((v * v).sum()) for v in g))
        if clip and norm > clip:
            g = [v * np.float32(clip / norm) for v in g]
        now = np.float32(rate * (0.5 * (1 + np.cos(np.pi * t / (steps * epochs))) if cosine else 1))
        for i in range(frozen, len(net) if held is None else held):
            velocity[i] = np.float32(MOMENTUM) * velocity[i] + g[i] + np.float32(DECAY) * net[i]
            net[i] = net[i] - now * velocity[i]
        if stop and (t + 1) % max(steps // 4, 1) == 0 and stop(net):
            return t + 1
    return steps * epochs


def losses(p, y):
    return -np.log(np.maximum(p[np.arange(len(y)), y], 1e-12))


def right(p, y):
    return 100 * float((p.argmax(1) == y).mean())


def divergence(p, q):
    middle = (p + q) / 2
    kl = [(a * np.log(np.maximum(a, 1e-12) / np.maximum(middle, 1e-12))).sum(1) for a in (p, q)]
    return float((0.5 * (kl[0] + kl[1])).mean())


def attack(members, others):
    order = np.concatenate([members, others]).argsort(kind="stable").argsort()
    return 1 - (order[:len(members)].mean() - (len(members) - 1) / 2) / len(others)


class Bench:
    """One request with its original and its retrains."""

    def __init__(self, parts, sizes, epochs, request, seed):
        (x, y), self.held_out, (tx, ty) = parts
        self.sizes, self.epochs, self.seed = sizes, epochs, seed
        self.rng, gone = np.random.default_rng(50 + seed), y == 3
        if request != "class":
            gone = np.zeros(len(x), bool)
            gone[self.rng.permutation(len(x))[:int(len(x) * float(request))]] = True
        kept = ty != 3 if request == "class" else np.ones(len(ty), bool)
        self.f, self.r, self.t = (x[gone], y[gone]), (x[~gone], y[~gone]), (tx[kept], ty[kept])
        self.part = len(self.f[0]) / len(self.r[0])
        self.original = self.trained((x, y), seed)
        retrains = [self.trained(self.r, 100 + i + 10 * seed) for i in range(4)]
        self.said = [[answers(net, s[0]) for net in retrains] for s in (self.f, self.t)]
        bar = losses(answers(self.original, self.held_out[0]), self.held_out[1]).mean()
        of_class = request == "class"
        self.enough = lambda net: (right(answers(net, self.f[0]), self.f[1]) <= 1 if of_class else
                                   losses(answers(net, self.f[0]), self.f[1]).mean() >= bar)
        self.retrains = retrains

    def trained(self, records, seed):
        net = start(self.sizes, seed)
        train(net, [(records[0], self.hot_of(records[1]), 1.0)], RATE, self.epochs, seed)
        return net

    def hot_of(self, y):
        return np.eye(CLASSES, dtype="f4")[y]

    def copy(self):
        return [p.copy() for p in self.original]

    def retained(self, weight=1.0):
        return (self.r[0], self.hot_of(self.r[1]), weight)

    def forgotten(self, weight, labels=None):
        return (self.f[0], self.hot_of(self.f[1]) if labels is None else labels, weight)

    def measure(self, net, steps=0, records=None, own=1.0):
        f, r, t = (answers(net, s[0]) for s in (self.f, self.r, self.t))
        js = [own * np.mean([divergence(p, q) for q in said]) for p, said in zip((f, t), self.said)]
        cost = steps * BATCH / (len(self.r[0]) * self.epochs) * (records or 1)
        auc = attack(losses(f, self.f[1]), losses(t, self.t[1]))
        return [*js, right(f, self.f[1]), right(r, self.r[1]), right(t, self.t[1]), auc, cost]

    def passes(self, part):
        return max(1, round(part * self.epochs))

    def tries(self, only):
        """Names with measures, of every method and setting."""
        fresh = start(self.sizes, 777 + self.seed)
        # The half of the layers that is nearest to the output, rounded up, is not frozen.
        tail = 2 * ((len(self.sizes) - 1) // 2)
        for part in (0.05, 0.1, 0.15, 0.2):
            for rate in (1, 2, 3, 4, 8):
                settings = f"rate x {rate}, {part}"
                for name, frozen in (("tune", 0), ("tail", tail), ("tail anew", tail)):
                    if name.split()[0] in only:
                        net = self.copy()
                        if name == "tail anew":
                            net[tail:] = [p.copy() for p in fresh[tail:]]
                        steps = train(net, [self.retained()], rate * RATE, self.passes(part), self.seed, frozen=frozen)
                        yield f"{name}: {settings}", self.measure(net, steps)
                for shrink in (0.3, 0.4, 0.5, 0.8) if "shrink" in only and rate in (1, 2, 3) else ():
                    net = [p * np.float32(1 - shrink) for p in self.original]
                    steps = train(net, [self.retained()], rate * RATE, self.passes(part), self.seed)
                    yield f"shrink {shrink}: {settings}", self.measure(net, steps)
        yield from self.heads(only, fresh)
        for part in (0.05, 0.1):
            for rate in (0.02, 0.05, 0.2, 0.5, 1, 2):
                settings, epochs = f"rate x {rate}, {part}", self.passes(part)
                for alpha in (0.8, 0.9, 0.95) if "neggrad" in only else ():
                    net, terms = self.copy(), [self.retained(alpha), self.forgotten(alpha - 1)]
                    steps = train(net, terms, rate * RATE, epochs, self.seed, False, 0.2, self.enough)
                    yield f"neggrad {alpha}: {settings}", self.measure(net, steps, 2)
                for ends, rule in (("to the end", None), ("rule", self.enough)):
                    for name, terms, cost in self.relabelled(only):
                        net = self.copy()
                        steps = train(net, terms, rate * RATE, epochs, self.seed, False, 0, rule)
                        yield f"{name} ({ends}): {settings}", self.measure(net, steps, cost)

    def heads(self, only, fresh):
        for part in (0.05, 0.1, 0.25):
            for rate in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if "expand" in only else ():
                for ends, rule in (("to the end", None), ("rule", lambda net: self.enough(self.narrow(net)))):
                    wide = self.copy()
                    wide[-2] = np.hstack([wide[-2], fresh[-2][:, :1]])
                    wide[-1] = np.append(wide[-1], np.float32(0))
                    beyond = np.zeros((len(self.f[0]), CLASSES + 1), "f4")
                    beyond[:, CLASSES] = 1
                    terms = [(self.f[0], beyond, 1.0)]
                    steps = train(wide, terms, rate * RATE, self.passes(part), self.seed, False, 0, rule)
                    settings = f"({ends}): rate x {rate}, {part}"
                    yield f"boundary expand {settings}", self.measure(self.narrow(wide), steps)
        for part in (0.05, 0.1, 0.15):
            for rate in (0.2, 0.5, 1, 2, 3) if "mean" in only else ():
                net, epochs = self.copy(), self.passes(part)
                goal, head = losses(answers(net, self.r[0]), self.r[1]).mean(), len(net) - 2
                self.means(net, goal)
                for t in range(epochs):
                    own = 0.5 * (1 + np.cos(np.pi * t / epochs))
                    train(net, [self.retained()], rate * own * RATE, 1, self.seed + t, False, held=head)
                    self.means(net, goal)
                yield f"class means: rate x {rate}, {part}", self.measure(net, epochs * -(-len(self.r[0]) // BATCH))

    @staticmethod
    def narrow(net):
        return [*net[:-2], net[-2][:, :CLASSES], net[-1][:CLASSES]]

    def means(self, net, goal):
        """Puts class means into the head, at the scale at which the retained records' loss is `goal`."""
        (x, y), h = self.r, forward(net, self.r[0])[-2].astype("f8")
        there = [c for c in range(CLASSES) if (y == c).any()]
        mu, half = np.zeros((CLASSES, h.shape[1])), np.zeros(CLASSES)
        for c in there:
            mu[c] = h[y == c].mean(0)
            half[c] = (mu[c] ** 2).sum() / 2
        for c in set(range(CLASSES)) - set(there):
            mu[c], half[c] = mu[there].mean(0), half[there].mean()
        prior = np.log((np.bincount(y, minlength=CLASSES) + 1) / (len(y) + CLASSES))
        near = h @ mu.T - half
        loss = lambda s: losses(softmax(s * near + prior), y).mean()
        goal = min(goal, loss(0) / 2)
        scales = 1e-4 * 1.1 ** np.arange(150)
        found = [loss(s) for s in scales]
        enough = [s for s, v in zip(scales, found) if v <= goal]
        s = enough[0] if enough else scales[int(np.argmin(found))]
        net[-2], net[-1] = (s * mu.T).astype("f4"), (prior - s * half).astype("f4")

    def relabelled(self, only):
        fx, fy = self.f
        if "random" in only:
            wrong = self.hot_of((fy + self.rng.integers(1, CLASSES, len(fy))) % CLASSES)
            for name, weight in (("n_F/n_R", self.part), ("1", 1.0)):
                yield f"random labels, weight {name}", [self.retained(), self.forgotten(weight, wrong)], 2
        if "teacher" in only:
            some = self.rng.permutation(len(self.r[0]))[:int(0.3 * len(self.r[0]))]
            taught = (self.r[0][some], answers(self.original, self.r[0][some]), 1.0)
            untrained = answers(start(self.sizes, 31337), fx)
            yield "bad teacher", [taught, self.forgotten(self.part, untrained)], 2
        if "boundary" in only:
            layers = forward(self.original, fx)
            d = softmax(layers[-1]) - self.hot_of(fy)
            for i in range(len(self.original) - 2, 0, -2):
                d = (d @ self.original[i].T) * (layers[i // 2] > 0)
            beyond = fx + np.float32(0.1) * np.sign(d @ self.original[0].T)
            scores = forward(self.original, beyond)[-1].copy()
            scores[np.arange(len(fy)), fy] = -np.inf
            yield "boundary shrink", [self.forgotten(1.0, self.hot_of(scores.argmax(1)))], 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["digits", "mnist"])
    parser.add_argument("--data", type=pathlib.Path, help="folder of MNIST's IDX files")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--requests", default="class,0.1")
    parser.add_argument("--only", default="tune,tail,shrink,neggrad,random,teacher,boundary,expand,mean")
    options = parser.parse_args()
    parts, sizes, epochs = digits() if options.task == "digits" else mnist(options.data)
    for request in options.requests.split(","):
        found = {}
        for seed in range(options.seeds):
            bench = Bench(parts, sizes, epochs, request, seed)
            found.setdefault("original", []).append(bench.measure(bench.original))
            # A retrain is among those that it is measured against: a quarter of its divergences are 0.
            each = [bench.measure(net, own=4 / 3) for net in bench.retrains]
            found.setdefault("retrain", []).append([*np.mean(each, 0)[:6], 1.0])
            for name, measures in bench.tries(options.only.split(",")):
                found.setdefault(name, []).append(measures)
        print(f"{options.task}, {request}, {options.seeds} seeds")
        print(f"  {'':52} JS_F   JS_T   forgot retain  test  AUC   cost")
        for name, rows in found.items():
            js, js_test, f, r, t, auc, cost = np.mean(rows, 0)
            print(f"  {name:52} {js:.4f} {js_test:.4f} {f:6.2f} {r:6.2f} {t:6.2f} {auc:.3f} {cost:.3f}", flush=True)


if __name__ == "__main__":
    main()

"""Unlearning methods in PyTorch, float64, for assets/parity/methods.safetensors.

Networks, recipe, sets and settings come from assets/parity/methods.toml; a set is one batch, so that steps do not
depend on an order. Written from the papers and the conventions that each method states of itself: `M.P` is parameter
P after method M, `N.P` what network N starts from, `N.fresh.P` what a new training would start from, `N.x` and `y` the
records.
Usage: python tools/parity/methods.py
"""
import copy
import math
import pathlib
import tomllib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

HOME = pathlib.Path(__file__).parents[2] / "assets/parity"
FILE = tomllib.loads((HOME / "methods.toml").read_text())
RECIPE, SETS = FILE["recipe"], FILE["sets"]
torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
ORDER = 0x6f726465
SINGLE = lambda t: t.float().double()


def build(spec):
    """The network of a specification."""
    parts, shape = nn.Sequential(), tuple(spec["input"])
    for i, layer in enumerate(spec["layers"]):
        match layer["type"]:
            case "linear":
                part = nn.Linear(shape[0], layer["out"])
            case "conv2d":
                part = nn.Conv2d(shape[0], layer["out"], layer["kernel"])
            case "tanh":
                part = nn.Tanh()
            case "flatten":
                part = nn.Flatten()
        parts.add_module(layer.get("name", f"l{i}"), part)
        shape = tuple(parts(torch.zeros(1, *spec["input"])).shape[1:])
    return parts


# Philox4x32-10, and how the program draws initial parameters and labels from it.
def philox(c, k):
    c, k = list(c), list(k)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def key(seed):
    return [seed & 0xFFFFFFFF, seed >> 32]


def untrained(net, seed):
    """The network with the parameters that a seed draws: He's uniform weights, no bias."""
    net = copy.deepcopy(net)
    for name, p in net.named_parameters():
        h = 0xCBF29CE484222325
        for byte in name.encode():
            h = (h ^ byte) * 0x100000001B3 % 2**64
        words = [w for i in range(-(-p.numel() // 4)) for w in philox([i, h & 0xFFFFFFFF, h >> 32, 0], key(seed))]
        u = torch.tensor([(w >> 8) / 2**24 for w in words[: p.numel()]])
        bound = math.sqrt(6 / p[0].numel()) if p.dim() > 1 else 0.0
        p.data = SINGLE((2 * u - 1) * bound).view_as(p)
    return net


def layer(name):
    return name.rsplit(".", 1)[0]


def distance(teacher, net, x, t):
    """T^2 KL(teacher || net), the mean over the records."""
    with torch.no_grad():
        goal = softmax(teacher(x) / t, 1)
    return t * t * kl_div(log_softmax(net(x) / t, 1), goal, reduction="batchmean")


class Task:
    def __init__(self, net, x, y, fresh, retain, forget):
        self.net, self.fresh, self.old = net, fresh, copy.deepcopy(net)
        self.xr, self.yr, self.xf, self.yf = x[retain], y[retain], x[forget], y[forget]
        self.forget, self.x, self.y = forget, x, y

    def optimizer(self, lr, **changes):
        options = {"momentum": 0.9, "weight_decay": RECIPE["weight_decay"]} | changes
        return torch.optim.SGD(self.net.parameters(), lr, **options)

    def train(self, loss, s, rate=lambda part: 1.0, only=None, gains=None, clip=0.0):
        """Full-batch steps on a loss; `rate` is the schedule by the part of the training that is over."""
        free = [p for n, p in self.net.named_parameters() if only is None or layer(n) in only]
        optimizer = torch.optim.SGD(free, s["lr"], momentum=0.9, weight_decay=RECIPE["weight_decay"])
        for step in range(s["epochs"]):
            optimizer.param_groups[0]["lr"] = s["lr"] * rate(step / s["epochs"])
            self.net.zero_grad()
            loss(self.net).backward()
            for n, p in self.net.named_parameters():
                if gains is not None:
                    p.grad *= gains[n]
            if clip > 0:
                nn.utils.clip_grad_norm_(free, clip)
            optimizer.step()

    def retained(self, net):
        return cross_entropy(net(self.xr), self.yr)

    def forgotten(self, net):
        return cross_entropy(net(self.xf), self.yf)

    def gradients(self, loss):
        self.net.zero_grad()
        loss(self.net).backward()
        return {n: p.grad.clone() for n, p in self.net.named_parameters()}

    def reset(self, layers):
        fresh = dict(self.fresh.named_parameters())
        for n, p in self.net.named_parameters():
            if layer(n) in layers:
                p.data = fresh[n].data.clone()


def cosine(part):
    return 0.5 * (1 + math.cos(math.pi * part))


def layers_of(net):
    names = []
    for n, _ in net.named_parameters():
        names += [] if layer(n) in names else [layer(n)]
    return names


def tail(net):
    """The last half of the layers, rounded up."""
    names = layers_of(net)
    return names[len(names) // 2 :]


def cf_k(t, s):
    t.train(t.retained, s, cosine, tail(t.net))


def eu_k(t, s):
    t.reset(tail(t.net))
    t.train(t.retained, RECIPE, only=tail(t.net))


def selective(t, s):
    gf, gr = t.gradients(t.forgotten), t.gradients(t.retained)
    def mean(g, name):
        parts = torch.cat([v.flatten() for n, v in g.items() if layer(n) == name])
        return parts.square().mean()
    scores = {name: mean(gf, name) / mean(gr, name) for name in layers_of(t.net)}
    best = [max(scores, key=scores.get)]
    t.reset(best)
    t.train(t.retained, s, cosine, best)


def random_label(t, s):
    draw = lambda i, y: (y + 1 + philox([i, 0, 0x6C616265, 0], key(SETS["seed"]))[0] % 2) % 3
    y = torch.tensor([draw(i, int(y)) for i, y in zip(t.forget, t.yf)])
    share = len(t.xf) / len(t.xr)
    t.train(lambda net: t.retained(net) + share * cross_entropy(net(t.xf), y), s)


def grad_diff(t, s):
    t.train(lambda net: s["beta"] * t.retained(net) - t.forgotten(net), s, clip=0.2)


def kl_min(t, s):
    t.train(lambda net: s["beta"] * distance(t.old, net, t.xr, 1.0) - t.forgotten(net), s, clip=0.2)


def preference(t, s, floor, retain):
    beta = s["beta"]
    def loss(net):
        away = cross_entropy(net(t.xf), t.yf, reduction="none") - floor
        return retain * t.retained(net) - 2 / beta * nn.functional.logsigmoid(beta * away).mean()
    t.train(loss, s)


def npo(t, s):
    floor = cross_entropy(t.old(t.xf), t.yf, reduction="none").detach()
    preference(t, s, floor, 1.0)


def simnpo(t, s):
    preference(t, s, s["gamma"] / s["beta"], s["retain"])


def sfr_on(t, s):
    gf, gr = t.gradients(t.forgotten), t.gradients(t.retained)
    mask = {n: (gf[n].square() > gr[n].square()).double() for n in gf}
    steps, every, repair = s["epochs"], s["every"], t.optimizer(s["lr"])
    ascents = -(-steps // every)
    for step in range(steps):
        if step % every == 0:
            t.net.zero_grad()
            losses = cross_entropy(t.net(t.xf), t.yf, reduction="none")
            c = losses.detach() ** -0.5
            (-s["ascent"] * (c * losses).sum() / c.sum()).backward()
            for n, p in t.net.named_parameters():
                p.grad *= mask[n]
            nn.utils.clip_grad_norm_(t.net.parameters(), s["clip_norm"])
            rate = s["lr"] * cosine(step // every / ascents)
            for p in t.net.parameters():
                p.data -= rate * p.grad
        repair.param_groups[0]["lr"] = s["lr"] * cosine(step / steps)
        t.net.zero_grad()
        t.retained(t.net).backward()
        repair.step()


def scrub(t, s):
    optimizer = t.optimizer(s["lr"])
    def step(loss):
        t.net.zero_grad()
        loss.backward()
        optimizer.step()
    for epoch in range(s["epochs"]):
        if epoch < s["max_epochs"]:
            step(-distance(t.old, t.net, t.xf, 2.0))
        step(s["gamma"] * t.retained(t.net) + s["alpha"] * distance(t.old, t.net, t.xr, 2.0))


def bad_teacher(t, s):
    bad, temperature = untrained(t.net, SETS["seed"] ^ 0x62616474), s["temperature"]
    share = len(t.xf) / len(t.xr)
    loss = lambda net: distance(t.old, net, t.xr, temperature) + share * distance(bad, net, t.xf, temperature)
    t.train(loss, s)


def distill(t, s):
    t.reset(layers_of(t.net))
    beta = s["beta"]
    t.train(lambda net: (1 - beta) * t.retained(net) + beta * distance(t.old, net, t.xr, s["temperature"]), RECIPE)


def boundary_shrink(t, s):
    x = t.xf.clone().requires_grad_()
    cross_entropy(t.old(x), t.yf).backward()
    logits = t.old(t.xf + s["step"] * x.grad.sign()).detach()
    logits[torch.arange(len(t.yf)), t.yf] = -math.inf
    y = logits.argmax(1)
    t.train(lambda net: cross_entropy(net(t.xf), y), s)


def boundary_expand(t, s):
    narrow, rows = dict(t.net.named_parameters()), dict(t.net.named_modules())["fc3"].out_features
    wide = copy.deepcopy(t.net)
    wide.fc3 = nn.utils.skip_init(nn.Linear, wide.fc3.in_features, rows + 1)
    wide = untrained(wide, SETS["seed"])
    for n, p in wide.named_parameters():
        p.data[: len(narrow[n])] = narrow[n].data
    optimizer = torch.optim.SGD(wide.parameters(), s["lr"], momentum=0.9, weight_decay=RECIPE["weight_decay"])
    for _ in range(s["epochs"]):
        wide.zero_grad()
        cross_entropy(wide(t.xf), torch.full_like(t.yf, rows)).backward()
        optimizer.step()
    for n, p in wide.named_parameters():
        narrow[n].data = p.data[: len(narrow[n])].clone()


def class_mean(t, s):
    trunk, head, scale = t.net[:-1], t.net.fc3, s["scale"]
    others = [p for n, p in t.net.named_parameters() if layer(n) != "fc3"]
    optimizer = torch.optim.SGD(others, s["lr"], momentum=0.9, weight_decay=RECIPE["weight_decay"])

    def place():
        h = trunk(t.xr).detach()
        count = torch.bincount(t.yr, minlength=3)
        there = [c for c in range(3) if count[c] > 0]
        means = {c: h[t.yr == c].mean(0) for c in there}
        halves = {c: m.square().sum() / 2 for c, m in means.items()}
        middle, half = sum(means.values()) / len(there), sum(halves.values()) / len(there)
        head.weight.data = SINGLE(scale * torch.stack([means.get(c, middle) for c in range(3)]))
        prior = ((count + 1) / (len(h) + 3)).log()
        head.bias.data = SINGLE(prior - scale * torch.stack([halves.get(c, half) for c in range(3)]))

    place()
    for step in range(s["epochs"]):
        optimizer.param_groups[0]["lr"] = s["lr"] * cosine(step / s["epochs"])
        t.net.zero_grad()
        t.retained(t.net).backward()
        optimizer.step()
        place()


def ewc_ascent(t, s):
    def squares(net):
        sums = {n: torch.zeros_like(p) for n, p in net.named_parameters()}
        for x, y in zip(t.xr, t.yr):
            net.zero_grad()
            cross_entropy(net(x[None]), y[None]).backward()
            for n, p in net.named_parameters():
                sums[n] += p.grad.square() / len(t.xr)
        return sums

    now, before = squares(t.net), squares(t.fresh)
    running = {n: now[n] + s["decay"] * before[n] for n in now}
    mean = torch.cat([v.flatten() for v in running.values()]).mean()
    stiff = {n: s["lambda"] * v / mean for n, v in running.items()}
    old = dict(t.old.named_parameters())
    for _ in range(s["max_steps"]):
        t.net.zero_grad()
        t.forgotten(t.net).backward()
        heading = {n: (p.grad - stiff[n] * (p.data - old[n].data)) / (1 + s["lr"] * stiff[n])
                   for n, p in t.net.named_parameters()}
        length = torch.cat([v.flatten() for v in heading.values()]).norm()
        for n, p in t.net.named_parameters():
            p.data += s["lr"] * heading[n] * min(1.0, s["clip_norm"] / float(length))


def datamodel_matching(t, s):
    ids, pairs, parts = SETS["forget"], s["models"] // 2, []
    for pair in range(pairs):
        words = [philox([i, pair, 0x646D7061, 0], key(SETS["seed"]))[0] for i in ids]
        first = [(w >> 8) / 2**24 < (pair + 0.5) / pairs for w in words]
        parts += [first, [not v for v in first]]
    nets = []
    for part in parts:
        own = Task(copy.deepcopy(t.fresh), t.x, t.y, t.fresh, SETS["retain"] + [i for i, v in zip(ids, part) if v], ids)
        own.train(own.retained, RECIPE)
        nets.append(own.net)
    z = torch.tensor(parts).double()
    z = z - z.mean(0)
    count, n = z.sum(1), len(ids)
    kernel = z @ z.T + count[:, None] * count[None, :] + s["ridge"] * n / 4 * torch.eye(len(z))
    w = torch.linalg.solve(kernel, (n + 1) * count)
    def target(x):
        y = torch.stack([net(x).detach() for net in nets])
        return t.old(x).detach() - (w[:, None, None] * (y - y.mean(0))).sum(0)
    tr, tf, share = target(t.xr), target(t.xf), len(t.xf) / len(t.xr)
    away = lambda z, goal: (z - goal).square().mean()
    t.train(lambda net: away(net(t.xr), tr) + share * away(net(t.xf), tf), s, cosine)


def msg(t, s):
    g = t.gradients(lambda net: len(t.xr) * t.retained(net) - len(t.xf) * t.forgotten(net))
    fresh, gains = dict(t.fresh.named_parameters()), {}
    conv = any(v.dim() > 2 for v in g.values())
    for n, p in t.net.named_parameters():
        gains[n] = torch.ones_like(p)
        if p.dim() < (3 if conv else 2):
            continue
        gains[n].fill_(0.1)
        count = math.floor(s["share"] * p.numel() + 0.5)
        for i in g[n].abs().flatten().argsort(stable=True)[:count]:
            p.data.view(-1)[i], gains[n].view(-1)[i] = fresh[n].data.view(-1)[i], 1.0
    t.train(t.retained, s, lambda part: 1 - part, gains=gains)


def ct(t, s):
    for p in t.net.parameters():
        if p.dim() == 4:
            p.data = p.data.transpose(2, 3).contiguous()
    t.train(t.retained, s, cosine)


def trew(t, s):
    w = dict(t.old.named_parameters())["fc3.weight"]
    alike = torch.cosine_similarity(w[:, None], w[None, :], dim=2).detach()
    z = t.old(t.xf).detach() + s["tilt"] * alike[t.yf]
    z[torch.arange(len(t.yf)), t.yf] = -math.inf
    q, share = softmax(z, 1), len(t.xf) / len(t.xr)
    t.train(lambda net: t.retained(net) + share * kl_div(log_softmax(net(t.xf), 1), q, reduction="batchmean"), s)


def wga(t, s):
    def loss(net):
        away = cross_entropy(net(t.xf), t.yf, reduction="none")
        return s["retain"] * t.retained(net) - ((-away).exp().detach() ** s["alpha"] * away).mean()
    t.train(loss, s)


def undial(t, s):
    z = t.old(t.xf).detach().clone()
    z[torch.arange(len(t.yf)), t.yf] -= s["gamma"]
    q = softmax(z, 1)
    away = lambda net: kl_div(log_softmax(net(t.xf), 1), q, reduction="batchmean")
    t.train(lambda net: s["retain"] * t.retained(net) + away(net), s)


def direction(width, seed):
    """Numbers uniform in [0, 1), brought to length 1."""
    words = [w for i in range(-(-width // 4)) for w in philox([i, 0, 0x726D7564, 0], key(seed))][:width]
    u = torch.tensor([(w >> 8) / 2**24 for w in words])
    return u / u.norm()


def rmu(t, s):
    first = lambda net, x: net[: s["layer"]](x)
    old = lambda x: first(t.old, x).detach()
    length = s["times"] * old(t.xf).square().sum(1).mean().sqrt()
    goal = length * direction(old(t.xf).shape[1], SETS["seed"])
    loss = lambda net: (s["alpha"] * (first(net, t.xr) - old(t.xr)).square().mean()
                        + (first(net, t.xf) - goal).square().mean())
    trained = [n for n, _ in list(t.net.named_children())[max(s["layer"] - s["trained"], 0) : s["layer"]]]
    t.train(loss, s, only=trained)


def shuffled(ids, stream):
    order = list(ids)
    for i in range(len(order) - 1, 0, -1):
        words = philox([i, 0, ORDER, stream], key(SETS["seed"]))
        at = ((words[0] << 32) | words[1]) % (i + 1)
        order[i], order[at] = order[at], order[i]
    return order


def ltu(t, s):
    def halves(ids):
        order = shuffled(ids, 0x6C747568)
        middle = -(-len(order) // 2)
        return order[:middle], order[middle:]

    count = math.floor(s["share"] * len(SETS["retain"]) + 0.5)
    retained = halves(sorted(shuffled(SETS["retain"], 0x6C747572)[:count]))
    forgotten = halves(SETS["forget"])
    parameters = list(t.net.parameters())

    def gradient(ids, sign):
        loss = sign * cross_entropy(t.net(t.x[ids]), t.y[ids])
        g = torch.cat([v.flatten() for v in torch.autograd.grad(loss, parameters)])
        return g * min(1.0, s["clip_norm"] / float(g.norm()))

    def add(step):
        at = 0
        for p in parameters:
            p.data += step[at : at + p.numel()].view_as(p)
            at += p.numel()

    for turn in range(s["rounds"]):
        a, b = turn % 2, 1 - turn % 2
        tried = -s["inner_lr"] * (gradient(retained[a], 1) + gradient(forgotten[a], -1))
        add(tried)
        r, f = gradient(retained[b], 1), gradient(forgotten[b], -1)
        add(-tried)
        dot = r @ f
        freed = [r - dot / (f @ f) * f, f - dot / (r @ r) * r] if dot < 0 else [r, f]
        add(-s["lr"] * (freed[0] + freed[1]))


def main():
    out = {"y": torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2])}
    for name, spec in FILE["networks"].items():
        net, fresh = build(spec), build(spec)
        for n in (net, fresh):
            for p in n.parameters():
                p.data = SINGLE(0.7 * torch.randn_like(p))
        x = SINGLE(torch.randn(9, *spec["input"]))
        out[f"{name}.x"] = x
        out |= {f"{name}.{n}": p.data for n, p in net.named_parameters()}
        out |= {f"{name}.fresh.{n}": p.data for n, p in fresh.named_parameters()}
        for method, settings in FILE["methods"].items():
            if (method == "ct") != (name == "cnn"):
                continue
            sets = [SETS["retain"], SETS["forget"]]
            # Its sample of the retained records is all of them where fewer are retained than forgotten.
            retain, forget = sets[::-1] if method == "msg" else sets
            task = Task(copy.deepcopy(net), x, out["y"], fresh, retain, forget)
            globals()[method](task, tomllib.loads(settings))
            out |= {f"{method}.{n}": p.data for n, p in task.net.named_parameters()}
    save_file({k: v.contiguous() if v.dtype == torch.int64 else v.float().contiguous() for k, v in out.items()},
              HOME / "methods.safetensors")


if __name__ == "__main__":
    main()

"""Methods that go back into a training, step by step in PyTorch's float64, for assets/parity/back.safetensors.

A network 5-4-3 (tanh) is trained for three epochs on eleven records by SGD with momentum and by Adam; two records are
then forgotten by `rewind` (half of the steps taken again), by `amnesiac` (the steps that had them taken off, no repair)
and by the noiseless limit of `noisy_finetune` (five steps, either clipping). Batches are those of the program: shuffles
by Philox, whose words are computed here. Tensors: x, y, start.P, and METHOD.OPTIMIZER.P for each parameter P.

Usage: python tools/parity/back.py [--check]
"""
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy

RECORDS, BATCH, EPOCHS, SEED = 11, 4, 3, 7
FORGET = [2, 8]
RETAIN = [r for r in range(RECORDS) if r not in FORGET]
LR, DECAY = {"sgd": 0.1, "adam": 0.02}, 0.01
NOISY = {"steps": 5, "lr": 0.5, "radius": 1.5, "gradient": 0.1}
MASK = 0xFFFFFFFF


def philox(counter, key):
    """Philox4x32-10 (Salmon et al., SC 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def shuffled(records, epoch):
    order = list(records)
    for i in range(len(order) - 1, 0, -1):
        words = philox([i, epoch, 0x6F726465, 0], [SEED, 0])
        j = ((words[0] << 32) | words[1]) % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def batches(records):
    for epoch in range(EPOCHS):
        order = shuffled(records, epoch)
        yield from (order[at : at + BATCH] for at in range(0, len(order), BATCH))


def network():
    return torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)).double()


def flat(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def put(net, values):
    # Parameters become views of the vector, and an optimiser writes into them.
    torch.nn.utils.vector_to_parameters(values.clone(), net.parameters())


class Trainer:
    def __init__(self, start, x, y, optimizer):
        self.net, self.x, self.y = network(), x, y
        put(self.net, start)
        rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
        more = {"momentum": 0.9} if optimizer == "sgd" else {}
        self.rule = rule(self.net.parameters(), lr=LR[optimizer], weight_decay=DECAY, **more)

    def step(self, batch):
        before = flat(self.net)
        self.rule.zero_grad()
        cross_entropy(self.net(self.x[batch]), self.y[batch]).backward()
        self.rule.step()
        return flat(self.net) - before


def clipped(v, most):
    return v * min(1.0, most / v.norm().item())


def noisy(trained, x, y, clip):
    net = network()
    theta = clipped(trained, NOISY["radius"]) if clip == "gradient" else trained
    for batch in list(batches(RETAIN))[: NOISY["steps"]]:
        put(net, theta)
        net.zero_grad()
        cross_entropy(net(x[batch]), y[batch]).backward()
        g = torch.cat([p.grad.flatten() for p in net.parameters()])
        if clip == "gradient":
            g = clipped(g, NOISY["gradient"])
        theta = theta - NOISY["lr"] * (g + DECAY * theta)
        if clip == "model":
            theta = clipped(theta, NOISY["radius"])
    return theta


def fixture():
    torch.manual_seed(5)
    x = torch.randn(RECORDS, 5).double()
    y = torch.arange(RECORDS) % 3
    first = network().float().double()
    start, out = flat(first), {"x": x, "y": y}

    def keep(name, values):
        net = network()
        put(net, values)
        out.update({f"{name}.{key}": value.detach().clone() for key, value in net.named_parameters()})

    keep("start", start)
    for optimizer in LR:
        original, added = Trainer(start, x, y, optimizer), torch.zeros_like(start)
        for batch in batches(range(RECORDS)):
            delta = original.step(batch)
            if any(r in FORGET for r in batch):
                added += delta
        trained = flat(original.net)
        keep(f"trained.{optimizer}", trained)
        keep(f"amnesiac.{optimizer}", trained - added)
        back = Trainer(start, x, y, optimizer)
        # Nine steps of the original, half of them, rounded up, taken back.
        for batch in list(batches(range(RECORDS)))[:4]:
            back.step(batch)
        for batch in list(batches(RETAIN))[4:]:
            back.step(batch)
        keep(f"rewind.{optimizer}", flat(back.net))
        for clip in ("model", "gradient"):
            keep(f"noisy_{clip}.{optimizer}", noisy(trained, x, y, clip))
    return {key: value.contiguous() if key == "y" else value.float().contiguous() for key, value in out.items()}


path = pathlib.Path(__file__).parents[2] / "assets/parity/back.safetensors"
made = fixture()
if "--check" in sys.argv:
    there = load_file(path)
    apart = max((made[key].double() - there[key].double()).abs().max().item() for key in made)
    sys.exit(f"back.safetensors differs by {apart}" if set(made) != set(there) or apart > 1e-6 else 0)
save_file(made, path)

"""Unlearning methods on a small language model in PyTorch, float64, for assets/parity/language_methods.safetensors.

Texts, request, recipe and settings come from assets/parity/language_methods.toml; a set is one batch. Written from the
papers and the conventions that each method states of itself: the mean over a text's tokens that count, then over texts.
`P` is parameter P before, `M.P` after method M.
Usage: python tools/parity/language_methods.py
"""
import copy
import pathlib
import sys
import tomllib

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, kl_div, log_softmax, logsigmoid, softmax

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from language_model import Gpt  # noqa: E402
from methods import direction  # noqa: E402

HOME = pathlib.Path(__file__).parents[2] / "assets/parity"
FILE = tomllib.loads((HOME / "language_methods.toml").read_text())
RECIPE, CUT, END = FILE["recipe"], FILE["cut"], FILE["vocabulary"] - 1
torch.set_default_dtype(torch.float64)


def window(text):
    return [END, *text.encode(), END]


TEXTS = [window(text) for text in FILE["texts"]]
# Tokens with the places of those that count.
FORGET = [(TEXTS[i], CUT if i == 0 else list(range(1, len(TEXTS[i])))) for i in FILE["forget"]]
RETAIN = []
for i in FILE["retain"]:
    left = [t for at, t in enumerate(TEXTS[i]) if not (i == 0 and at in CUT)]
    RETAIN.append((left, list(range(1, len(left)))))


def rows(net, tokens, places):
    """Logits that predict the tokens at the places, and these tokens."""
    at = torch.tensor(places)
    return net(torch.tensor(tokens[:-1]))[at - 1], torch.tensor(tokens)[at]


def mean(texts, one):
    return torch.stack([one(tokens, places) for tokens, places in texts]).mean()


def own(net, texts, weight=lambda losses: 1.0):
    def one(tokens, places):
        losses = cross_entropy(*rows(net, tokens, places), reduction="none")
        return (weight(losses.detach()) * losses).mean()
    return mean(texts, one)


def away(net, old, texts, gamma):
    """KL of the old answers, the true token's logit lowered by gamma, to the network's."""
    def one(tokens, places):
        with torch.no_grad():
            z, y = rows(old, tokens, places)
            z = z.clone()
            z[torch.arange(len(y)), y] -= gamma
            goal = softmax(z, 1)
        return kl_div(log_softmax(rows(net, tokens, places)[0], 1), goal, reduction="batchmean")
    return mean(texts, one)


def grad_diff(net, old, s):
    return lambda: s["beta"] * own(net, RETAIN) - own(net, FORGET)


def kl_min(net, old, s):
    return lambda: s["beta"] * away(net, old, RETAIN, 0.0) - own(net, FORGET)


def wga(net, old, s):
    return lambda: s["retain"] * own(net, RETAIN) - own(net, FORGET, lambda loss: (-loss).exp() ** s["alpha"])


def undial(net, old, s):
    return lambda: s["retain"] * own(net, RETAIN) + away(net, old, FORGET, s["gamma"])


def block(net, tokens, places):
    """What the first block makes of the rows that predict the tokens at the places."""
    parts, given = net.transformer, torch.tensor(tokens[:-1])
    x = parts["wte"](given) + parts["wpe"](torch.arange(len(given)))
    return parts["h"][0](x)[torch.tensor(places) - 1]


def rmu(net, old, s):
    was = lambda t, p: block(old, t, p).detach()
    length = s["times"] * mean(FORGET, lambda t, p: was(t, p).square().sum(1).mean()).sqrt()
    goal = length * direction(FILE["sizes"]["width"], FILE["seed"])
    kept = lambda: mean(RETAIN, lambda t, p: (block(net, t, p) - was(t, p)).square().mean())
    steered = lambda: mean(FORGET, lambda t, p: (block(net, t, p) - goal).square().mean())
    return lambda: s["alpha"] * kept() + steered()


def idk_dpo(net, old, s):
    answer = [*s["refusals"][0].encode(), END]
    def total(model, tokens, places):
        return cross_entropy(*rows(model, tokens, places), reduction="sum")
    def one(tokens, places):
        prompt = tokens[: places[0]]
        refusal = (prompt + answer, list(range(len(prompt), len(prompt) + len(answer))))
        margin = lambda model: total(model, tokens, places) - total(model, *refusal)
        return -2 / s["beta"] * logsigmoid(s["beta"] * (margin(net) - margin(old).detach()))
    return lambda: s["retain"] * own(net, RETAIN) + mean(FORGET, one)


def main():
    generator = torch.Generator().manual_seed(5)
    start = Gpt(FILE["vocabulary"], **FILE["sizes"])
    out = {}
    with torch.no_grad():
        for name, p in sorted(start.named_parameters()):
            p.copy_((0.5 * torch.randn(p.shape, generator=generator)).float().double())
            if p.dim() == 1 and name.endswith("weight"):
                p.add_(1.0).copy_(p.float().double())
            out[name] = p.detach().clone()
    for method, settings in FILE["methods"].items():
        net, s = copy.deepcopy(start), tomllib.loads(settings)
        loss = globals()[method](net, start, s)
        free = [p for n, p in net.named_parameters() if method != "rmu" or n.startswith("transformer.h.0.")]
        optimizer = torch.optim.SGD(free, s["lr"], momentum=RECIPE["momentum"], weight_decay=RECIPE["weight_decay"])
        for _ in range(s["epochs"]):
            net.zero_grad()
            loss().backward()
            optimizer.step()
        out |= {f"{method}.{n}": p.detach() for n, p in net.named_parameters()}
    save_file({k: v.float().contiguous() for k, v in out.items()}, HOME / "language_methods.safetensors")


if __name__ == "__main__":
    main()

"""Writes assets/parity/memory.json: what is measured of texts that a model has by heart, by plain Python over drawn
tokens, for the tests of src/eval/memory.rs.

    .venv/bin/python tools/parity/memory.py
"""

import json
import math
import pathlib
import random
from collections import Counter


def grams(tokens, n):
    return [tuple(tokens[at:at + n]) for at in range(len(tokens) - n + 1)]


def overlap(written, truth, n):
    """Jang et al. 2023, eq. 2: share of the n-grams of what was written that are among those of the truth."""
    own, known = Counter(grams(written, n)), set(grams(truth, n))
    total = sum(own.values())
    return sum(count for gram, count in own.items() if gram in known) / total if total else None


def likelihood(truth, written, n):
    """Eq. 3, over the places that were asked."""
    each = [overlap(text, truth[at:], n) for at, text in written if len(truth) - at >= n]
    each = [value for value in each if value is not None]
    return sum(each) / len(each) if each else None


def longest_common(a, b):
    if not a or not b:
        return 0
    table = {}

    def at(i, j):
        if i == len(a) or j == len(b):
            return 0
        if (i, j) not in table:
            table[i, j] = 1 + at(i + 1, j + 1) if a[i] == b[j] else max(at(i + 1, j), at(i, j + 1))
        return table[i, j]

    return at(0, 0)


def rouge_recall(truth, written):
    return longest_common(truth, written) / len(truth)


def extraction_strength(right):
    """1 - k / T for the shortest beginning, of k tokens, behind which greedy writing gives the rest."""
    total = len(right)
    return next(1 - k / total for k in range(total + 1) if all(right[k:]))


def min_k(logs, share=0.2):
    """Shi et al. 2024, as a loss."""
    lowest = sorted(logs)[:max(1, int(share * len(logs)))]
    return -sum(lowest) / len(lowest)


def auc(members, others):
    """Share of pairs in which the member's loss is the lower, ties by half."""
    pairs = [(a, b) for a in members for b in others]
    return sum((a < b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)


def case(draw):
    truth = [draw.randrange(4) for _ in range(draw.randrange(4, 20))]
    half = len(truth) // 2
    places = sorted({0, half, draw.randrange(len(truth) - 2)})
    # A model that slips now and then.
    slip = lambda token: token if draw.random() < 0.8 else draw.randrange(4)
    written = [(at, [slip(token) for token in truth[at:at + 12]]) for at in places]
    there = dict(written)[half]
    logs = [round(-8 * draw.random() ** 2, 3) for _ in truth]
    right = [draw.random() < 0.7 for _ in truth]
    return {
        "truth": truth, "written": written, "logs": logs, "right": right,
        "el": {str(n): likelihood(truth, written, n) for n in (3, 5, 10)},
        "rouge_l": rouge_recall(truth[half:half + len(there)], there),
        "verbatim": float(truth[half:half + len(there)] == there),
        "extraction_strength": extraction_strength(right), "min_k": min_k(logs),
    }


def main():
    draw = random.Random(7)
    cases = [case(draw) for _ in range(24)]
    split = len(cases) // 2
    losses = [[one["min_k"] for one in part] for part in (cases[:split], cases[split:])]
    exposures = [[rank, of, math.log2(of) - math.log2(rank)] for rank, of in ((1, 10**6), (77, 10**6), (13, 257))]
    document = {"cases": cases, "min_k_auc": auc(*losses), "exposures": exposures}
    out = pathlib.Path(__file__).resolve().parents[2] / "assets/parity/memory.json"
    out.write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes tests/shared/import/gpt2.*: a small GPT-2 over bytes in the two forms that its files have elsewhere, with the
logits and the greedy continuations that PyTorch gives in float64.

    python tools/parity/gpt2_fixtures.py                   write them
    python tools/parity/gpt2_fixtures.py --transformers    compare the committed ones with transformers' GPT2LMHeadModel

gpt2.safetensors   as on the hub: names without `transformer.`, masks as buffers, the head tied and left out
gpt2.pt            a state dict of GPT2LMHeadModel: with the head, which is the table of tokens
gpt2.npz           `x` [texts, tokens] and `logits` [texts, tokens, 257] for them
gpt2.json          prompts, and the tokens that follow
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent))
from language_model import Gpt, greedy  # noqa: E402

OUT = Path(__file__).resolve().parents[2] / "tests" / "shared" / "import"
END, CONTEXT, SIZES = 256, 24, {"width": 16, "depth": 2, "heads": 2, "inner": 64, "context": 24}
TEXTS = ["the cat sat on the mat", "the dog ate the bone", "a cat ran to the dog", "one two three four five",
         "five four three two one", "she sells sea shells"]
PROMPTS = ["the ", "one t", "", "she"]
TOKENS = 18
# A token that leads by less could be another in float32.
LEAD = 1e-3


def encode(text):
    return torch.tensor([END, *text.encode()])


def train():
    torch.manual_seed(5)
    model = Gpt(END + 1, **SIZES, tied=True)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=0.2)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(120):
        loss = sum(F.cross_entropy(model(encode(text)), torch.cat([encode(text)[1:], torch.tensor([END])]))
                   for text in TEXTS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def write():
    model = train()
    state = {name: v.detach().clone() for name, v in model.state_dict().items()}
    mask = torch.ones(CONTEXT, CONTEXT, dtype=torch.uint8).tril()[None, None]
    for block in range(SIZES["depth"]):
        state[f"transformer.h.{block}.attn.bias"] = mask.clone()
        state[f"transformer.h.{block}.attn.masked_bias"] = torch.tensor(-1e4)
    body = {name.removeprefix("transformer."): v.contiguous() for name, v in state.items() if name != "lm_head.weight"}
    save_file(body, OUT / "gpt2.safetensors", metadata={"format": "pt"})
    # One storage for both, as PyTorch keeps it.
    state["lm_head.weight"] = state["transformer.wte.weight"]
    torch.save(state, OUT / "gpt2.pt")
    model = model.double().eval()
    x = torch.stack([encode(text)[:12] for text in (TEXTS[0], TEXTS[3])])
    with torch.no_grad():
        logits = torch.stack([model(row) for row in x])
    np.savez_compressed(OUT / "gpt2.npz", x=x.float().numpy(), logits=logits.float().numpy())
    written = []
    for prompt in PROMPTS:
        tokens, lead = greedy(model, encode(prompt), TOKENS, END)
        if lead < LEAD:
            sys.exit(f"{prompt!r}: a token leads by {lead:.1e} alone; choose another seed")
        written.append({"prompt": prompt, "tokens": tokens, "text": bytes(tokens).decode(errors="replace")})
    (OUT / "gpt2.json").write_text(json.dumps(written, indent=1) + "\n")
    print(*written, sep="\n")


def compare():
    """transformers itself reads the committed files, and goes on with the prompts."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=END + 1, n_positions=CONTEXT, n_embd=SIZES["width"], n_layer=SIZES["depth"],
                        n_head=SIZES["heads"], n_inner=SIZES["inner"], bos_token_id=END, eos_token_id=END,
                        attn_implementation="eager")
    arrays, worst = np.load(OUT / "gpt2.npz"), 0.0
    for file in ("gpt2.safetensors", "gpt2.pt"):
        state = load_file(OUT / file) if file.endswith("safetensors") else torch.load(OUT / file)
        whole = {name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}": v
                 for name, v in state.items() if not name.endswith((".attn.bias", ".attn.masked_bias"))}
        model = GPT2LMHeadModel(config).eval()
        model.load_state_dict(whole, strict="lm_head.weight" in whole)
        model.tie_weights()
        model = model.double()
        with torch.no_grad():
            logits = model(torch.tensor(arrays["x"]).long()).logits.numpy()
        worst = max(worst, float(np.abs(logits - arrays["logits"]).max() / np.abs(arrays["logits"]).max()))
    for row in json.loads((OUT / "gpt2.json").read_text()):
        prompt = encode(row["prompt"])[None]
        made = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=TOKENS, do_sample=False,
                              eos_token_id=END, pad_token_id=END)[0, prompt.shape[1]:].tolist()
        if [token for token in made if token != END] != row["tokens"]:
            sys.exit(f"{row['prompt']!r}: transformers goes on with {made}, the fixture with {row['tokens']}")
    print(f"logits differ by {worst:.1e} of the largest; every continuation is the same")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--transformers", action="store_true")
    (compare if parser.parse_args().transformers else write)()


if __name__ == "__main__":
    main()

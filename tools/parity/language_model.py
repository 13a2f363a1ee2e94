"""GPT-2 and Llama in plain PyTorch, with the parameters' names and layouts of transformers' GPT2LMHeadModel and
LlamaForCausalLM. A batch is a list of sequences: each goes through the network alone."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Conv1D(nn.Module):
    """y = x W + b with W [in, out]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


def attend(q, k, v):
    """Causal attention of one sequence, [tokens, heads, width] each; heads of keys and values are repeated."""
    share = q.shape[1] // k.shape[1]
    k, v = (t.repeat_interleave(share, dim=1) for t in (k, v))
    scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(q.shape[2])
    behind = torch.ones(len(q), len(q), dtype=torch.bool).triu(1)
    return torch.einsum("hij,jhd->ihd", scores.masked_fill(behind, -math.inf).softmax(-1), v).flatten(1)


class GptAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn, self.c_proj = Conv1D(width, 3 * width), Conv1D(width, width)

    def forward(self, x):
        q, k, v = (t.unflatten(1, (self.heads, -1)) for t in self.c_attn(x).chunk(3, dim=1))
        return self.c_proj(attend(q, k, v))


class GptMlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.c_fc, self.c_proj = Conv1D(width, inner), Conv1D(inner, width)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class GptBlock(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width), GptAttention(width, heads)
        self.ln_2, self.mlp = nn.LayerNorm(width), GptMlp(width, inner)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, vocabulary, width, depth, heads, inner, context, tied=False):
        super().__init__()
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocabulary, width),
            "wpe": nn.Embedding(context, width),
            "h": nn.ModuleList(GptBlock(width, heads, inner) for _ in range(depth)),
            "ln_f": nn.LayerNorm(width),
        })
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        if tied:
            self.lm_head.weight = self.transformer["wte"].weight

    def forward(self, tokens):
        t = self.transformer
        x = t["wte"](tokens) + t["wpe"](torch.arange(len(tokens)))
        for block in t["h"]:
            x = block(x)
        return self.lm_head(t["ln_f"](x))


def rotate(x, theta):
    """Llama's rotary positions of one sequence [tokens, heads, width]: halves of a head are turned together."""
    half = x.shape[2] // 2
    speeds = theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = (torch.arange(len(x), dtype=torch.float64)[:, None] * speeds)[:, None, :].to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], dim=-1)


class LlamaAttention(nn.Module):
    def __init__(self, width, heads, kv_heads, theta):
        super().__init__()
        self.each, self.theta = width // heads, theta
        self.q_proj = nn.Linear(width, heads * self.each, bias=False)
        self.k_proj = nn.Linear(width, kv_heads * self.each, bias=False)
        self.v_proj = nn.Linear(width, kv_heads * self.each, bias=False)
        self.o_proj = nn.Linear(heads * self.each, width, bias=False)

    def forward(self, x):
        q, k, v = (p(x).unflatten(1, (-1, self.each)) for p in (self.q_proj, self.k_proj, self.v_proj))
        return self.o_proj(attend(rotate(q, self.theta), rotate(k, self.theta), v))


class LlamaMlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaBlock(nn.Module):
    def __init__(self, width, heads, kv_heads, inner, theta, eps):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(width, eps=eps)
        self.self_attn = LlamaAttention(width, heads, kv_heads, theta)
        self.post_attention_layernorm = nn.RMSNorm(width, eps=eps)
        self.mlp = LlamaMlp(width, inner)

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, vocabulary, width, depth, heads, kv_heads, inner, theta, eps):
        super().__init__()
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(vocabulary, width),
            "layers": nn.ModuleList(LlamaBlock(width, heads, kv_heads, inner, theta, eps) for _ in range(depth)),
            "norm": nn.RMSNorm(width, eps=eps),
        })
        self.lm_head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.model["embed_tokens"](tokens)
        for layer in self.model["layers"]:
            x = layer(x)
        return self.lm_head(self.model["norm"](x))


def greedy(model, tokens, count, end=None):
    """The tokens that follow, each the likeliest, without what is behind the end; and the least lead that one had."""
    seen, lead = tokens.clone(), math.inf
    with torch.no_grad():
        for _ in range(count):
            best = model(seen)[-1].topk(2)
            lead = min(lead, float(best.values[0] - best.values[1]))
            if int(best.indices[0]) == end:
                break
            seen = torch.cat([seen, best.indices[:1]])
    return seen[len(tokens):].tolist(), lead


MAKE = {"gpt": Gpt, "gpt_tied": Gpt, "llama": Llama}

#!/usr/bin/env python3
"""Times PyTorch, torch.func, Opacus, BackPACK and PyG on the work that `unlearn bench` times, as the same flat rows.

    python3 benches/peers/torch_peer.py [--parts matmul,conv,train,fisher,graph] [--device cuda|cpu] [--records 10000]
        [--seconds 0.3] [--quick] [--json FILE]

Needs torch; a part whose package is missing is left out and said on stderr. TF32 is off: f32 means f32. Rows are
written after every part, so that a part that fails or is stopped loses no other.
"""

import argparse
import json
import sys
import time
from copy import deepcopy
from statistics import median

import torch
from torch import nn
from torch.nn import functional as F


def setup(device):
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    if device == "cuda":
        torch.backends.cudnn.benchmark = True
        return torch.cuda.get_device_name(0), f"CUDA {torch.version.cuda}, torch {torch.__version__}"
    return f"cpu, {torch.get_num_threads()} threads", f"torch {torch.__version__}"


class Bench:
    """Rows, and how they are timed: the host's clock around enough calls, everything waited for."""

    def __init__(self, options):
        self.options, self.device, self.rows = options, options.device, []
        self.adapter, self.driver = setup(options.device)

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def seconds(self, run, calls=1):
        self.wait()
        start = time.perf_counter()
        for _ in range(calls):
            run()
        self.wait()
        return (time.perf_counter() - start) / calls

    def time(self, op, variant, shape, run, flop=0, records=0, least=5):
        try:
            first = self.seconds(run)
            one = self.seconds(run)
            calls = max(1, min(256, int(0.004 / max(one, 1e-7))))
            samples, start = [], time.perf_counter()
            while len(samples) < least or (time.perf_counter() - start < self.options.seconds and len(samples) < 200):
                samples.append(self.seconds(run, calls) * 1e9)
        except (RuntimeError, NotImplementedError) as why:
            print(f"{op} {variant} {shape}: {why}", file=sys.stderr)
            return None
        middle = median(samples)
        row = dict(
            adapter=self.adapter, driver=self.driver, op=op, shape=list(shape), kernel=variant, variant=variant,
            case=f"{variant} {op} {'x'.join(map(str, shape))}", dtype="f32", median_ns=middle,
            mad_ns=median(abs(s - middle) for s in samples), min_ns=min(samples), max_ns=max(samples), flop=flop,
            gflops=flop / middle, per_second=records / middle * 1e9, first_s=first, timer="wall", repeats=calls,
            samples_ns=samples)
        self.rows.append(row)
        rate = f"{row['gflops']:12.1f} GFLOP/s" if flop else f"{row['per_second']:12.0f} records/s"
        print(f"{op:24} {variant:28} {'x'.join(map(str, shape)):36} {middle / 1e3:12.1f} us {rate}", flush=True)
        return middle

    def write(self):
        if self.options.json:
            adapter = dict(name=self.adapter, driver=self.driver)
            document = dict(schema=1, version="peer", adapter=adapter, rows=self.rows)
            with open(self.options.json, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)


def matmul(bench):
    sizes = [256, 512] if bench.options.quick else [512, 1024, 2048, 4096]
    shapes = [(n, n, n) for n in sizes if bench.device == "cuda" or n <= 2048] + [(64, 120, 400), (256, 784, 128)]
    for m, n, k in shapes:
        a, b, across = (torch.randn(*s, device=bench.device) for s in ((m, k), (k, n), (n, k)))
        out = torch.empty(m, n, device=bench.device)
        bench.time("matmul_nn", "torch", (m, n, k), lambda: torch.mm(a, b, out=out), flop=2 * m * n * k)
        bench.time("matmul_nt", "torch", (m, n, k), lambda: torch.mm(a, across.t(), out=out), flop=2 * m * n * k)
        if bench.device == "cuda":
            c, d, half = a.half(), b.half(), torch.empty(m, n, device="cuda", dtype=torch.half)
            bench.time("matmul_nn", "torch f16", (m, n, k), lambda: torch.mm(c, d, out=half), flop=2 * m * n * k)


# n, channels in, height, width, channels out, kernel, stride, padding.
CONVS = [
    (64, 32, 32, 32, 64, 3, 1, 1), (128, 1, 28, 28, 32, 3, 1, 1), (64, 6, 14, 14, 16, 5, 1, 0),
    (64, 1, 28, 28, 6, 5, 1, 2), (16, 64, 56, 56, 64, 3, 1, 1), (16, 128, 28, 28, 128, 3, 1, 1),
    (16, 256, 14, 14, 256, 3, 1, 1), (16, 512, 7, 7, 512, 3, 1, 1), (16, 64, 56, 56, 128, 3, 2, 1),
    (16, 64, 56, 56, 128, 1, 2, 0), (16, 3, 224, 224, 64, 7, 2, 3),
]


def conv(bench):
    for shape in CONVS[:3] if bench.options.quick else CONVS:
        n, ci, h, w, co, k, stride, padding = shape
        x, weight = torch.randn(n, ci, h, w, device=bench.device), torch.randn(co, ci, k, k, device=bench.device)
        y = F.conv2d(x, weight, stride=stride, padding=padding)
        dy = torch.randn_like(y)
        flop = 2 * y.numel() * ci * k * k

        def back(mask):
            return torch.ops.aten.convolution_backward(
                dy, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, mask)

        with torch.no_grad():
            bench.time("conv2d_fwd", "torch", shape, lambda: F.conv2d(x, weight, stride=stride, padding=padding), flop)
            bench.time("conv2d_bwd_x", "torch", shape, lambda: back([True, False, False]), flop)
            bench.time("conv2d_bwd_w", "torch", shape, lambda: back([False, True, False]), flop)


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


NETS = [("lenet5", lenet5, 64), ("mlp", mlp, 128)]


def pictures(bench):
    count = bench.options.records
    prototypes = torch.rand(10, 1, 28, 28)
    y = torch.randint(0, 10, (count,))
    x = 0.6 * prototypes[y] + 0.4 * torch.rand(count, 1, 28, 28)
    return x.to(bench.device), y.to(bench.device)


def train(bench):
    x, y = pictures(bench)
    for name, make, batch in NETS:
        net = make().to(bench.device)
        step = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

        def epoch():
            order = torch.randperm(len(x), device=bench.device)
            for i in range(0, len(x), batch):
                at = order[i : i + batch]
                step.zero_grad(set_to_none=True)
                F.cross_entropy(net(x[at]), y[at]).backward()
                step.step()

        bench.time(f"{name} epoch", "torch", (len(x), batch), epoch, records=len(x), least=3)


def batched(x, y, batch, add):
    total = None
    for i in range(0, len(x), batch):
        found = add(x[i : i + batch], y[i : i + batch])
        total = found if total is None else [t + f for t, f in zip(total, found)]
    return total


def close(bench, name, found, want):
    """A method that computes something else than it is timed for is no peer."""
    error = sum(float((f - w).double().square().sum()) for f, w in zip(found, want))
    size = sum(float(w.double().square().sum()) for w in want)
    if not (error / max(size, 1e-30)) ** 0.5 <= 1e-3:
        raise RuntimeError(f"{name} is {(error / size) ** 0.5:.1e} off torch.func")


def fisher(bench):
    from torch.func import functional_call, grad, vmap

    x, y = pictures(bench)
    for name, make, _ in NETS:
        net = make().to(bench.device)
        parameters = list(net.parameters())
        frozen = {n: p.detach() for n, p in net.named_parameters()}

        def loss(p, one, label):
            return F.cross_entropy(functional_call(net, p, (one[None],)), label[None])

        each = vmap(grad(loss), in_dims=(None, 0, 0))

        def mean(a, b):
            return list(torch.autograd.grad(F.cross_entropy(net(a), b, reduction="sum"), parameters))

        def squares(a, b):
            return [g.square().sum(0) for g in each(frozen, a, b).values()]

        def norms(a, b):
            rows = each(frozen, a, b).values()
            return [torch.stack([g.flatten(1).square().sum(1) for g in rows]).sum(0).sum()]

        whole = {"mean gradient": mean, "exact Fisher diagonal": squares, "norms": norms}
        for quantity, run in whole.items():
            variant = "torch" if run is mean else "torch.func"
            bench.time(f"{name} {quantity}", variant, (len(x), 256), lambda: batched(x, y, 256, run),
                       records=len(x), least=3)
        few = x[:32], y[:32]
        want = squares(*few)
        for variant, make_run in (("opacus", opacus), ("backpack", backpack)):
            try:
                run = make_run(net)
                close(bench, variant, run(*few), want)
            except (ImportError, RuntimeError) as why:
                print(f"{name} {variant}: {why}", file=sys.stderr)
                continue
            bench.time(f"{name} exact Fisher diagonal", variant, (len(x), 256), lambda: batched(x, y, 256, run),
                       records=len(x), least=3)


def opacus(net):
    from opacus import GradSampleModule

    wrapped = GradSampleModule(deepcopy(net).train(), loss_reduction="sum")

    def run(a, b):
        wrapped.zero_grad(set_to_none=True)
        F.cross_entropy(wrapped(a), b, reduction="sum").backward()
        found = [p.grad_sample.square().sum(0) for p in wrapped.parameters()]
        for p in wrapped.parameters():
            p.grad_sample = None
        return found

    return run


def backpack(net):
    from backpack import backpack as extended_backward
    from backpack import extend
    from backpack.extensions import SumGradSquared

    inner, loss = extend(deepcopy(net)), extend(nn.CrossEntropyLoss(reduction="sum"))

    def run(a, b):
        inner.zero_grad(set_to_none=True)
        with extended_backward(SumGradSquared()):
            loss(inner(a), b).backward()
        return [p.sum_grad_squared.clone() for p in inner.parameters()]

    return run


def cora_like(device, nodes=2708, pairs=5278, words=1433, classes=7):
    """Of Cora's size: edges both ways, 18 words a node."""
    generator = torch.Generator().manual_seed(0)
    ends = torch.randint(0, nodes, (2, 2 * pairs), generator=generator)
    ends = ends[:, ends[0] != ends[1]][:, :pairs]
    edges = torch.cat([ends, ends.flip(0)], 1)
    x = torch.zeros(nodes, words)
    x.scatter_(1, torch.randint(0, words, (nodes, 18), generator=generator), 1.0)
    x = x / x.sum(1, keepdim=True)
    y = torch.randint(0, classes, (nodes,), generator=generator)
    some = torch.randperm(nodes, generator=generator)[:140]
    return x.to(device), edges.to(device), y.to(device), some.to(device)


def graph(bench):
    x, edges, y, some = cora_like(bench.device)
    nodes = len(x)
    loops = torch.arange(nodes, device=bench.device)
    both = torch.cat([edges, torch.stack([loops, loops])], 1)
    degree = torch.bincount(both[1], minlength=nodes).float()
    weight = degree[both[0]].rsqrt() * degree[both[1]].rsqrt()
    a = torch.sparse_coo_tensor(both.flip(0), weight, (nodes, nodes)).coalesce().to_sparse_csr()
    for width in (16, 7):
        dense = torch.randn(nodes, width, device=bench.device)
        shape = (nodes, both.shape[1], width)
        bench.time("spmm", "torch.sparse", shape, lambda: torch.sparse.mm(a, dense), flop=2 * both.shape[1] * width)

    class Sparse(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(1433, 16), nn.Linear(16, 7)

        def forward(self, features):
            h = torch.sparse.mm(features, self.one.weight.t()) if features.is_sparse_csr else self.one(features)
            h = F.dropout(F.relu(torch.sparse.mm(a, h)), 0.5, self.training)
            return torch.sparse.mm(a, self.two(h))

    def epochs(variant, net, *inputs):
        net = net.to(bench.device)
        step = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=5e-4)

        def run():
            step.zero_grad(set_to_none=True)
            F.cross_entropy(net(*inputs)[some], y[some]).backward()
            step.step()

        bench.time("gcn epoch", variant, (nodes, both.shape[1], 16), run, records=140)

    epochs("torch.sparse, sparse features", Sparse(), x.to_sparse_csr())
    epochs("torch.sparse", Sparse(), x)
    try:
        from torch_geometric.nn import GCNConv
    except ImportError as why:
        print(f"pyg: {why}", file=sys.stderr)
        return

    class PyG(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = GCNConv(1433, 16, cached=True), GCNConv(16, 7, cached=True)

        def forward(self, features, ends):
            h = F.relu(self.one(F.dropout(features, 0.5, self.training), ends))
            return self.two(F.dropout(h, 0.5, self.training), ends)

    epochs("pyg", PyG(), x, edges)


PARTS = {"matmul": matmul, "conv": conv, "train": train, "fisher": fisher, "graph": graph}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if options.quick:
        options.records, options.seconds = min(options.records, 512), 0.05
    unknown = [part for part in options.parts.split(",") if part not in PARTS]
    if unknown:
        parser.error(f"--parts {','.join(unknown)}: there are {', '.join(PARTS)}")
    bench, failed = Bench(options), 0
    for part in options.parts.split(","):
        try:
            PARTS[part](bench)
        except Exception as why:  # a peer that fails is a finding, and loses no other
            failed += 1
            print(f"{part}: {type(why).__name__}: {why}", file=sys.stderr)
        bench.write()
    return 1 if failed == len(options.parts.split(",")) else 0


if __name__ == "__main__":
    sys.exit(main())

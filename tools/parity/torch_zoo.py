"""Networks that people bring, written in PyTorch under the names that torchvision gives their parameters: what
round_trip.py carries to the program and back."""

import numpy as np
import torch
from torch import nn


class LeNet(nn.Module):
    """The network of PyTorch's CIFAR-10 tutorial."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, classes)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = torch.max_pool2d(torch.relu(conv(x)), 2)
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.fc3(torch.relu(self.fc2(x)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions; a 1x1 convolution beside them where the shape changes."""

    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """He et al. 2016 for small pictures: a 3x3 stem, stages of basic blocks, the first of each but the first at
    stride 2."""

    def __init__(self, widths, blocks, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        before = widths[0]
        for stage, width in enumerate(widths):
            strides = [1 if stage == 0 else 2] + [1] * (blocks - 1)
            made = [BasicBlock(before if i == 0 else width, width, stride) for i, stride in enumerate(strides)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*made))
            before = width
        self.stages = len(widths)
        self.fc = nn.Linear(before, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Bag(nn.Module):
    """The text classifier of PyTorch's tutorial: the mean of the words' vectors and a linear layer. A record is how
    often each word of the vocabulary stands in a text; it may be empty."""

    def __init__(self, words=40, width=8, classes=4):
        super().__init__()
        self.embedding = nn.EmbeddingBag(words, width, mode="mean")
        self.fc = nn.Linear(width, classes)

    def forward(self, counts):
        counts = counts.long()
        words = torch.arange(counts.shape[1]).expand_as(counts)
        lengths = counts.sum(1)
        text = torch.repeat_interleave(words.flatten(), counts.flatten())
        return self.fc(self.embedding(text, lengths.cumsum(0) - lengths))


def texts(count, words=40, classes=4):
    """Counts of words and labels: each class has words of its own that it prefers."""
    generator = np.random.default_rng(8)
    labels = generator.integers(classes, size=count)
    likely = generator.dirichlet(np.full(words, 0.3), size=classes)
    lengths = generator.integers(1, 30, size=count)
    lengths[::25] = 0
    x = np.stack([generator.multinomial(length, likely[label]) for length, label in zip(lengths, labels)])
    return x.astype(np.float32), labels.astype(np.int64)


LENET = """
[model]
layers = [
  { type = "conv2d", name = "conv1", out = 6, kernel = 5 }, { type = "relu" }, { type = "max_pool", kernel = 2 },
  { type = "conv2d", name = "conv2", out = 16, kernel = 5 }, { type = "relu" }, { type = "max_pool", kernel = 2 },
  { type = "flatten" }, { type = "linear", name = "fc1", out = 120 }, { type = "relu" },
  { type = "linear", name = "fc2", out = 84 }, { type = "relu" }, { type = "linear", name = "fc3" },
]
"""

# Counts are divided by their sum, so that the product with the table is the mean of the words' vectors.
BAG = """
[model]
layers = [{ type = "embedding", name = "embedding", out = 8 }, { type = "linear", name = "fc" }]
"""

# Name to (the module, the [model] table); `bag` takes texts(), the others pictures.
NETWORKS = {
    "lenet": (LeNet, LENET),
    "resnet20": (lambda: ResNet([16, 32, 64], 3), '[model]\nzoo = "resnet20"\n'),
    "resnet18": (lambda: ResNet([64, 128, 256, 512], 2), '[model]\nzoo = "resnet18"\n'),
    "bag": (Bag, BAG),
}

#!/usr/bin/env python3
"""Writes names and shapes of torchvision's own networks, which the zoo's must have.

    python tools/parity/zoo_names.py            write tests/shared/zoo/*.txt
    python tools/parity/zoo_names.py --check    compare with what is committed

A line is a tensor of the state dict: its name and its shape, `num_batches_tracked` left out. The CIFAR networks have no
home in torchvision: theirs are its ResNet with a 3x3 stem, no pooling, and the stages of He et al. 2016.
"""

import sys
from pathlib import Path

from torch import nn
from torchvision import models
from torchvision.models.resnet import BasicBlock, ResNet

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "shared" / "zoo"


def small_stem(net, width):
    net.conv1, net.maxpool = nn.Conv2d(3, width, 3, padding=1, bias=False), nn.Identity()
    return net


def cifar(blocks, classes=10):
    """ResNet of 6 n + 2 layers: widths 16, 32, 64, 1x1 convolutions as shortcuts where the shape changes."""
    net = ResNet(BasicBlock, [1, 1, 1, 1], classes)
    small_stem(net, 16)
    net.bn1, net.inplanes = nn.BatchNorm2d(16), 16
    net.layer1 = net._make_layer(BasicBlock, 16, blocks)
    net.layer2 = net._make_layer(BasicBlock, 32, blocks, stride=2)
    net.layer3 = net._make_layer(BasicBlock, 64, blocks, stride=2)
    del net.layer4
    net.fc = nn.Linear(64, classes)
    return net


NETS = {
    "resnet20": lambda: cifar(3),
    "resnet56": lambda: cifar(9),
    "resnet18": lambda: small_stem(models.resnet18(num_classes=10), 64),
    "resnet18_imagenet": lambda: models.resnet18(num_classes=1000),
    "vgg16_bn": lambda: models.vgg16_bn(num_classes=1000),
    "mobilenet_v2": lambda: models.mobilenet_v2(num_classes=1000),
}


def text(net):
    state = {name: t for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    count = sum(p.numel() for p in net.parameters())
    lines = [f"{count} parameters"]
    lines += [f"{name} {'x'.join(map(str, tensor.shape))}" for name, tensor in state.items()]
    return "\n".join(lines) + "\n"


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in NETS.items():
        file, written = FOLDER / f"{name}.txt", text(make())
        if "--check" not in sys.argv:
            file.write_text(written, encoding="utf-8")
        elif file.read_text(encoding="utf-8") != written:
            sys.exit(f"{file.name} is not what torchvision has")
        print(name, written.split("\n", 1)[0])


if __name__ == "__main__":
    main()

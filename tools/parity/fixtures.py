"""The networks and the optimiser settings of the fixtures: the data that dump.py works on."""

OPTIMIZERS = {
    "sgd": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4},
    "adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 5e-4},
    "adamw": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
    # Ten steps at the usual decay move some losses by less than the tests' 1e-4, so a forgotten decay would pass.
    # These three are strong enough to show it (and plain momentum beside Nesterov's).
    "sgd_decay": {"lr": 0.05, "momentum": 0.9, "nesterov": False, "weight_decay": 0.05},
    "adam_decay": {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.05},
    "adamw_decay": {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.5},
}


def conv(name, out, kernel, **keys):
    return {"type": "conv2d", "name": name, "out": out, "kernel": kernel, **keys}


def linear(name, out):
    return {"type": "linear", "name": name, "out": out}


def layer(kind, **keys):
    return {"type": kind, **keys}


# Of assets/parity/layers: layers that networks bring along, in the names of torchvision.
LAYER_MODELS = {
    "resnet": {
        "about": "small ResNet with both norms, and the layers of its kin: depthwise, squeeze and excitation, relu6",
        "input": (3, 8, 8), "classes": 4, "batch": 5, "per_sample": 5,
        "layers": [
            conv("conv1", 8, 3, padding=1, bias=False), layer("group_norm", name="bn1", groups=2), layer("relu6"),
            {"type": "residual", "layers": [
                conv("layer1.0.conv1", 8, 3, padding=1, bias=False),
                layer("group_norm", name="layer1.0.bn1", groups=2), layer("silu"),
                conv("layer1.0.conv2", 8, 3, padding=1, groups=8, bias=False),
                layer("group_norm", name="layer1.0.bn2", groups=4),
            ]},
            layer("relu"),
            {"type": "residual", "layers": [
                conv("layer2.0.conv1", 6, 3, padding=1, stride=2, bias=False),
                layer("batch_norm", name="layer2.0.bn1"), layer("hard_swish"),
                layer("squeeze_excite", name="layer2.0.se", squeeze=3, gate="hard_sigmoid"),
            ], "shortcut": [
                conv("layer2.0.downsample.0", 6, 1, stride=2, bias=False),
                layer("batch_norm", name="layer2.0.downsample.1"),
            ]},
            layer("leaky_relu", slope=0.2), layer("identity"), layer("adaptive_avg_pool", size=[3, 1]),
            layer("flatten"), linear("classifier.0", 7), layer("softplus", beta=2.0), linear("classifier.1", 4),
        ],
    },
    "line": {
        "about": "convolutions along a line, with stride, dilation and groups",
        "input": (2, 23), "classes": 3, "batch": 5, "per_sample": 5,
        "layers": [
            {"type": "conv1d", "name": "conv1", "out": 6, "kernel": 5, "padding": 2}, layer("silu"),
            {"type": "conv1d", "name": "conv2", "out": 4, "kernel": 3, "stride": 2, "dilation": 2, "groups": 2,
             "bias": False},
            layer("tanh"), layer("flatten"), linear("fc", 3),
        ],
    },
}

MODELS = {
    "mlp": {
        "about": "dense network",
        "input": (64,), "classes": 10, "batch": 7, "per_sample": 7,
        "layers": [linear("fc1", 32), layer("relu"), linear("fc2", 16), layer("relu"), linear("fc3", 10)],
    },
    "mlp_sigmoid": {
        "about": "dense network with the smooth activations and a layer norm",
        "input": (13,), "classes": 3, "batch": 5, "per_sample": 5,
        "layers": [
            linear("fc1", 11), layer("sigmoid"), layer("layer_norm", name="ln"),
            linear("fc2", 7), layer("tanh"), linear("fc3", 3),
        ],
    },
    "lenet5": {
        "about": "LeNet-5; per_sample holds the first three records only",
        "input": (1, 28, 28), "classes": 10, "batch": 5, "per_sample": 3,
        "layers": [
            conv("conv1", 6, 5, padding=2), layer("relu"), layer("max_pool", kernel=2),
            conv("conv2", 16, 5), layer("relu"), layer("max_pool", kernel=2), layer("flatten"),
            linear("fc1", 120), layer("relu"), linear("fc2", 84), layer("relu"), linear("fc3", 10),
        ],
    },
    "gnnet": {
        "about": "group-norm network: stride, groups, dilation, a residual block, odd and non-square pictures",
        "input": (2, 9, 11), "classes": 5, "batch": 6, "per_sample": 6,
        "layers": [
            conv("conv1", 8, 3, padding=1), layer("group_norm", name="gn1", groups=2), layer("relu"),
            conv("conv2", 8, 3, stride=2, padding=1, groups=2),
            layer("group_norm", name="gn2", groups=4), layer("relu"),
            {"type": "residual", "layers": [
                conv("conv3", 8, 3, padding=2, dilation=2, bias=False),
                layer("group_norm", name="gn3", groups=2), layer("gelu"),
            ]},
            layer("avg_pool", kernel=2), conv("conv4", 12, 3, padding=1), layer("tanh"),
            layer("global_avg_pool"), layer("flatten"), layer("layer_norm", name="ln"), linear("fc", 5),
        ],
    },
    "bnnet": {
        "about": "batch norm over pictures and over features; statistics by running means, steps in training form",
        "input": (2, 6, 5), "classes": 4, "batch": 6, "per_sample": 6,
        "layers": [
            conv("conv1", 7, 3, padding=1, bias=False), layer("batch_norm", name="bn1"), layer("relu"),
            {"type": "residual", "layers": [
                conv("conv2", 7, 3, padding=1, bias=False), layer("batch_norm", name="bn2", momentum=0.3, eps=1e-3),
                layer("tanh"),
            ]},
            layer("global_avg_pool"), layer("flatten"),
            {**linear("fc1", 9), "bias": False}, layer("batch_norm", name="bn3"),
            layer("gelu"), linear("fc2", 4),
        ],
    },
}

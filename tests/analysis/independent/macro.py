# SPDX-License-Identifier: Apache-2.0
"""The macro network with shared weights (Pham et al. 2018, section 2.3, and the authors' search)."""
import torch
from images import batch_norm, convolution, pool, reduce


def layers_of(config, tokens):
    """[(operation, entries read besides the layer before)]: an operation and l bits of layer l, entry 0
    being the stem and entry j the output of layer j-1."""
    place, layers = 0, []
    for layer in range(config["space.layers"]):
        bits = tokens[place + 1:place + 1 + layer]
        operation = config["space.operations"][tokens[place]]
        layers.append((operation, [entry for entry, bit in enumerate(bits) if bit]))
        place += 1 + layer
    return layers


def operate(config, weights, name, operation, x):
    """1x1 convolution, then the kernel: each with batch norm, ReLU before or after."""
    epsilon, kernel_epsilon = config["supernet.norm_epsilon"], config["supernet.kernel_norm_epsilon"]
    relu_first = config["supernet.operation_order"] == "relu_conv_norm"
    x = torch.relu(x) if relu_first else x
    x = batch_norm(convolution(x, weights[f"{name}/in"]), weights[f"{name}/in_norm"], epsilon)
    if "pool" in operation:
        return pool(x if relu_first else torch.relu(x), operation)
    x = torch.relu(x)
    if operation.startswith("sep_"):
        x = convolution(x, weights[f"{name}/depthwise"], groups=x.shape[1])
        x = convolution(x, weights[f"{name}/pointwise"])
    else:
        x = convolution(x, weights[f"{name}/conv"])
    x = batch_norm(x, weights[f"{name}/norm"], kernel_epsilon)
    return x if relu_first else torch.relu(x)


def merge(config, weights, layer, entries, skips, own):
    """Sum and batch norm, or 1x1 convolution of all after a ReLU, and batch norm."""
    if config["supernet.skip_merge"] == "sum":
        total = own + sum(entries[j] for j in skips)
    else:
        total = convolution(torch.relu(own), weights[f"layer/{layer}/merge/own"])
        for j in skips:
            total = total + convolution(torch.relu(entries[j]), weights[f"layer/{layer}/merge/{j}"])
    return batch_norm(total, weights[f"layer/{layer}/norm"], config["supernet.norm_epsilon"])


def network(config, weights, tokens, x):
    """Features [N, F, h, w] before the mean over pixels."""
    epsilon, count = config["supernet.norm_epsilon"], config["space.layers"]
    halvings = [count // 3 - 1, 2 * (count // 3) - 1] if count >= 3 else []
    entries = [batch_norm(convolution(x, weights["stem/conv"]), weights["stem/norm"], epsilon)]
    for layer, (operation, skips) in enumerate(layers_of(config, tokens)):
        out = operate(config, weights, f"layer/{layer}/{operation}", operation, entries[-1])
        entries.append(merge(config, weights, layer, entries, skips, out) if layer > 0 else out)
        if layer in halvings:
            entries = [reduce(entry, weights, f"reduction/{layer}/{place}", epsilon)
                       for place, entry in enumerate(entries)]
    return entries[-1]

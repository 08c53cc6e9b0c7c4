# SPDX-License-Identifier: Apache-2.0
"""What macro and micro networks are made of, and how one of them is scored."""
from itertools import pairwise

import torch
import torch.nn.functional as functional


def batch_norm(x, scale_and_offset, epsilon):
    """With the statistics of the batch, always."""
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
    scale, offset = scale_and_offset.view(2, 1, -1, 1, 1)
    return (x - mean) / torch.sqrt(variance + epsilon) * scale + offset


def convolution(x, kernel, groups=1):
    """As many pixels out as in; zeros around them."""
    return functional.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=groups)


def pool(x, operation):
    """3x3, as many pixels out as in; pixels beyond the border do not count."""
    if operation == "avg_pool_3x3":
        return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    return functional.max_pool2d(x, 3, 1, 1)


def reduce(x, weights, name, epsilon):
    """Factorised reduction: pixels (0, 0), (2, 2), … make one half of the channels, (1, 1), (3, 3), …
    the other, with zeros beyond the border."""
    even = functional.conv2d(x[:, :, ::2, ::2], weights[f"{name}/even"])
    odd = functional.conv2d(functional.pad(x, (0, 1, 0, 1))[:, :, 1::2, 1::2], weights[f"{name}/odd"])
    return batch_norm(torch.cat([even, odd], 1), weights[f"{name}/norm"], epsilon)


def classify(network, config, weights, tokens, pixels):
    """Logits: the mean over pixels, then a linear layer without bias."""
    return network(config, weights, tokens, pixels).mean((2, 3)) @ weights["head"].T


def validate(network, config, weights, tokens, images, batches=0):
    """(mean nats an image, accuracy) of `batches` batches in the order of the split, 0 for all whole
    ones. A batch has statistics of its own."""
    size = config["validation.batch_size"]
    count = batches or len(images.labels) // size
    return score(network, config, weights, tokens, images, [size * i for i in range(count + 1)])


def validate_whole(network, config, weights, tokens, images):
    """The same of all images, in as few batches as are needed, which differ by one image at most."""
    size, total = config["validation.batch_size"], len(images.labels)
    count = -(-total // size)
    return score(network, config, weights, tokens, images, [i * total // count for i in range(count + 1)])


def score(network, config, weights, tokens, images, bounds):
    """(mean nats an image, accuracy) of the batches that lie between the bounds."""
    nats, right = 0.0, 0
    for begin, end in pairwise(bounds):
        labels = images.labels[begin:end]
        logits = classify(network, config, weights, tokens, images.valid[begin:end])
        nats += functional.cross_entropy(logits, labels, reduction="sum").item()
        right += (logits.argmax(1) == labels).sum().item()
    return nats / bounds[-1], right / bounds[-1]

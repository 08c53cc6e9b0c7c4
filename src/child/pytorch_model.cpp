// SPDX-License-Identifier: Apache-2.0
// Text that stays the same, around the few lines that belong to an architecture.
#include "child/pytorch_model.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "child/pytorch_forward.hpp"
#include "child/pytorch_score.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::child {
namespace {

constexpr std::string_view kImports = R"(import argparse
import json
import struct
import sys
from pathlib import Path

import torch
)";

constexpr std::string_view kReader = R"(

def read_header(file):
    """What stands at the beginning of an open safetensors file."""
    length = file.read(8)
    text = file.read(struct.unpack("<Q", length)[0] if len(length) == 8 else 0)
    if not text.rstrip().endswith(b"}"):
        raise ValueError(f"{file.name} is cut off")
    return json.loads(text)


def read_safetensors(path):
    """The tensors of a safetensors file by name: float32 alone."""
    with open(path, "rb") as file:
        header = read_header(file)
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: {name} is {entry['dtype']}; only F32 is read here")
        begin, end = entry["data_offsets"]
        if end > len(data):
            raise ValueError(f"{path} is cut off")
        values = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        tensors[name] = values.reshape(entry["shape"])
    return tensors

)";

constexpr std::string_view kRecurrentModel = R"(
FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "identity": lambda x: x, "sigmoid": torch.sigmoid}


class Model(torch.nn.Module):
    """Next-word logits [T, B, VOCABULARY] of tokens [T, B], and the state [B, HIDDEN] to go on with.

    Nothing is dropped: this is the network as it is scored. Embedding and output layer share their weight.
    """

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Parameter(torch.empty(VOCABULARY, HIDDEN))
        self.output = torch.nn.ParameterDict({"bias": torch.empty(VOCABULARY)} if OUTPUT_BIAS else {})
        self.node = torch.nn.ParameterList(
            torch.empty(2 * HIDDEN if previous is None else HIDDEN, 2 * HIDDEN) for previous, _ in NODES
        )

    def cell(self, x, state):
        nodes = []
        for weight, (previous, function) in zip(self.node, NODES):
            if previous is None:
                carry, read = state, torch.cat((x, state), 1)
            else:
                carry = read = nodes[previous]
            value, gate = (read @ weight).chunk(2, 1)
            nodes.append(carry + torch.sigmoid(gate) * (FUNCTIONS[function](value) - carry))
        return torch.stack([nodes[number] for number in OUTPUTS]).mean(0)

    def forward(self, tokens, state=None):
        if state is None:
            state = self.embedding.new_zeros(tokens.shape[1], HIDDEN)
        outputs = []
        for x in self.embedding[tokens]:
            state = self.cell(x, state)
            outputs.append(state)
        bias = self.output["bias"] if OUTPUT_BIAS else None
        return torch.nn.functional.linear(torch.stack(outputs), self.embedding, bias), state


def load(path=Path(__file__).with_name("weights.safetensors")):
    model = Model()
    tensors = read_safetensors(path)
    model.load_state_dict({name.replace("/", "."): tensor for name, tensor in tensors.items()})
    return model.eval()


def export_onnx(path):
    """One time step as ONNX, for which the package onnx is needed.

    Tokens [1, B] and a state [B, HIDDEN] give logits [1, B, VOCABULARY] and the state to go on with.
    """
    example = torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, HIDDEN)
    torch.onnx.export(
        load(), example, path, dynamo=False,
        input_names=["tokens", "state"], output_names=["logits", "next_state"],
        dynamic_axes={"tokens": {1: "batch"}, "state": {0: "batch"}, "logits": {1: "batch"}, "next_state": {0: "batch"}},
    )

)";

constexpr std::string_view kImageParts = R"(
def avg_pool(x, stride=1):
    return torch.nn.functional.avg_pool2d(x, 3, stride, 1, count_include_pad=False)


def max_pool(x, stride=1):
    return torch.nn.functional.max_pool2d(x, 3, stride, 1)


class Model(torch.nn.Module):
    """Class logits [B, CLASSES] of images [B, *IMAGE], scaled as in the training.

    Norms use their running averages and nothing is dropped: this is the network as it is scored.
    """

    def __init__(self, tensors):
        super().__init__()
        for name, tensor in tensors.items():
            if name.endswith(("/mean", "/variance")):
                self.register_buffer(name, tensor)
            else:
                self.register_parameter(name, torch.nn.Parameter(tensor))

    def tensor(self, name):
        return getattr(self, name)

    def conv(self, x, name, stride=1):
        weight = self.tensor(name)
        groups = x.shape[1] // weight.shape[1]
        return torch.nn.functional.conv2d(x, weight, None, stride, weight.shape[2] // 2, 1, groups)

    def norm(self, x, name):
        scale, offset = self.tensor(name).unbind()
        mean, variance = self.tensor(name + "/mean"), self.tensor(name + "/variance")
        return torch.nn.functional.batch_norm(x, mean, variance, scale, offset, eps=NORM_EPSILON)

    def reduction(self, x, name):
        """Every second pixel from (0, 0) and from (1, 1), each through its own 1x1 convolution."""
        x = torch.nn.functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        even = torch.nn.functional.conv2d(x[:, :, ::2, ::2], self.tensor(name + "/even"))
        odd = torch.nn.functional.conv2d(x[:, :, 1::2, 1::2], self.tensor(name + "/odd"))
        return torch.cat((even, odd), 1)

    def forward(self, images):
)";

constexpr std::string_view kImageEnd = R"(

def load(path=Path(__file__).with_name("weights.safetensors")):
    return Model(read_safetensors(path)).eval()


def export_onnx(path):
    """Images [B, *IMAGE] to logits [B, CLASSES] as ONNX, for which the package onnx is needed."""
    torch.onnx.export(
        load(), (torch.zeros(1, *IMAGE),), path, dynamo=False,
        input_names=["images"], output_names=["logits"], dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
    )

)";

/// With all the digits that tell it from its neighbours.
std::string exact(double value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  expect(error == std::errc(), "a number fits");
  return {digits.data(), end};
}

/// "(0.5, 0.25)", "(0.5,)".
std::string tuple_of(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(exact(value));
  return concat("(", join(texts, ", "), values.size() == 1 ? ",)" : ")");
}

std::string image_model(std::string_view kind, const std::string& net, const ImagePlan& plan,
                        PixelStatistics pixels) {
  // Pixels of a constant channel are only shifted.
  std::ranges::replace(pixels.standard_deviation, 0.0, 1.0);
  const nn::DataShape& shape = plan.shape();
  return concat("\"\"\"A convolutional network of ENAS's ", kind, " space:\n\n    ", net,
                "\n\nload() reads its weights from weights.safetensors.\n"
                "`python model.py --score FILE` scores the images of an HDF5 file.\n\"\"\"\n",
                kImports, "from torch import relu\nfrom torch.nn.functional import linear\n",
                kReader, "\nIMAGE = (", shape.channels, ", ", shape.height, ", ", shape.width,
                ")  # channels, height, width\nCLASSES = ", shape.num_classes,
                "\n# Of the training images, per channel, with pixels scaled to [0, 1].\nMEAN = ",
                tuple_of(pixels.mean),
                "\nSTANDARD_DEVIATION = ", tuple_of(pixels.standard_deviation),
                "\nNORM_EPSILON = ", exact(plan.norm_epsilon()), "\n\n", kImageParts,
                pytorch_forward(plan), kImageEnd, pytorch_image_score());
}

}  // namespace

std::string pytorch_model(const space::RecurrentCell& cell, const RecurrentNetworkOptions& options,
                          int vocabulary_size, int test_columns) {
  std::string nodes;
  for (std::size_t l = 0; l < cell.nodes.size(); ++l) {
    const auto& node = cell.nodes[l];
    nodes += concat("    (", l == 0 ? "None" : concat(node.previous), ", \"",
                    space::name_of(node.activation), "\"),\n");
  }
  return concat(
      "\"\"\"A recurrent language model with a cell of ENAS (Pham et al. 2018):\n\n    ",
      cell.text(),
      "\n\nload() reads its weights from weights.safetensors; vocabulary.txt numbers the words.\n"
      "`python model.py --score FILE` scores a text.\n\"\"\"\n",
      kImports, kReader, "\nVOCABULARY = ", vocabulary_size, "\nHIDDEN = ", options.hidden,
      "\nOUTPUT_BIAS = ", options.output_bias ? "True" : "False",
      "\n# For each node the earlier node that it reads and its function; the first node "
      "reads input and state.\nNODES = (\n",
      nodes, ")\nOUTPUTS = (", join(cell_outputs(cell, options.cell_output), ", "),
      ",)  # nodes whose mean is the output and the next state\nTEST_COLUMNS = ", test_columns,
      "  # parts side by side into which a text is cut to be scored\n", kRecurrentModel,
      pytorch_text_score());
}

std::string pytorch_model(const space::MacroNet& net, const MacroNetworkOptions& options,
                          const nn::DataShape& shape, const PixelStatistics& pixels) {
  return image_model("macro", net.text(), macro_plan(net, options, shape), pixels);
}

std::string pytorch_model(const space::MicroNet& net, const MicroNetworkOptions& options,
                          const nn::DataShape& shape, const PixelStatistics& pixels) {
  return image_model("micro", net.text(), micro_plan(net, options, shape), pixels);
}

}  // namespace enas::child

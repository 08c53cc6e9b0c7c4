// SPDX-License-Identifier: Apache-2.0
#include "child/pytorch_score.hpp"

namespace enas::child {

std::string_view pytorch_text_score() {
  return R"py(
def read_vocabulary(path=Path(__file__).with_name("weights.safetensors")):
    """The number of each word. The list is kept with the weights; vocabulary.txt is a copy to be read by others."""
    with open(path, "rb") as file:
        words = read_header(file)["__metadata__"]["vocabulary"].split("\n")
    return {word: number for number, word in enumerate(words[:-1])}


def read_tokens(path):
    """The numbers of a text's words; <eos> ends each line, and <unk> stands for words that are not known."""
    vocabulary = read_vocabulary()
    unknown = vocabulary.get("<unk>")
    line_end = ["<eos>"] if "<eos>" in vocabulary else []  # a Markov source has no line ends
    tokens = []
    with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
        for line_number, line in enumerate(file, 1):
            for word in line.split() + line_end:
                token = vocabulary.get(word, unknown)
                if token is None:
                    raise ValueError(f"{path}:{line_number}: {word!r} is no word of the network, which has no <unk>")
                tokens.append(token)
    return torch.tensor(tokens, dtype=torch.long)


@torch.inference_mode()
def score(path, segment_length=64):
    """Perplexity and loss (nats a token) of a text, cut into TEST_COLUMNS columns as `enas_hpc evaluate` does."""
    tokens = read_tokens(path)
    length = len(tokens) // TEST_COLUMNS  # what is left over is not scored
    if length < 2:
        raise ValueError(f"{path} has {len(tokens)} tokens, and {2 * TEST_COLUMNS} are needed")
    columns = tokens[: length * TEST_COLUMNS].reshape(TEST_COLUMNS, length).t()
    model, state, total = load(), None, 0.0
    for begin in range(0, length - 1, segment_length):
        targets = columns[begin + 1 : begin + 1 + segment_length]
        logits, state = model(columns[begin : begin + len(targets)], state)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        total += loss.item()
    count = TEST_COLUMNS * (length - 1)
    loss = torch.tensor(total / count, dtype=torch.float64)
    return {"perplexity": loss.exp().item(), "loss": loss.item(), "tokens": count}


@torch.inference_mode()
def try_out():
    tokens = torch.randint(VOCABULARY, (35, 1))
    logits, state = load()(tokens[:-1])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[1:].flatten())
    print(f"perplexity of random tokens: {loss.exp().item():.2f}")


def main():
    parser = argparse.ArgumentParser(description="Without an option: the perplexity of random tokens.")
    parser.add_argument("--score", metavar="FILE", help="the score of a text as JSON, as `enas_hpc evaluate` gives it")
    parser.add_argument("--onnx", metavar="FILE", help="write the network as ONNX (needs the package onnx)")
    arguments = parser.parse_args()
    if arguments.onnx:
        export_onnx(arguments.onnx)
    elif arguments.score:
        try:
            print(json.dumps(score(arguments.score)))
        except (OSError, ValueError) as error:
            sys.exit(f"model.py: {error}")
    else:
        try_out()


if __name__ == "__main__":
    main()
)py";
}

std::string_view pytorch_image_score() {
  return R"py(
def read_images(path):
    """Pixels [N, *IMAGE] from 0 to 255 and labels [N]: test_images and test_labels, or images and labels without them."""
    import h5py

    if not h5py.is_hdf5(path):
        raise ValueError(f"{path} is not there or is no HDF5 file")
    with h5py.File(path) as file:
        prefix = "test_" if "test_images" in file else ""
        for name in (prefix + "images", prefix + "labels"):
            if name not in file:
                raise ValueError(f"{path} has no dataset {name}")
        pixels = torch.from_numpy(file[prefix + "images"][:])
        labels = torch.from_numpy(file[prefix + "labels"][:].astype("int64"))
        layout = file["images"].attrs.get("layout") if "images" in file else None
    shape = tuple(pixels.shape[1:])
    channels_last = shape == (IMAGE[1], IMAGE[2], IMAGE[0])
    if pixels.dtype != torch.uint8 or not (channels_last or shape == IMAGE):
        raise ValueError(f"{path} has {pixels.dtype} images of shape {shape}; uint8 images of {IMAGE} are needed")
    if channels_last and shape == IMAGE:  # both layouts fit
        channels_last = layout not in ("NCHW", b"NCHW")
    if labels.shape != pixels.shape[:1] or len(labels) == 0 or labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError(f"{path} needs one label for each image, from 0 to {CLASSES - 1}")
    return pixels.permute(0, 3, 1, 2) if channels_last else pixels, labels


@torch.inference_mode()
def score(path, batch_size=100):
    """Accuracy and loss (nats an image) over the images of an HDF5 file, scaled as in the training."""
    model, total, correct = load(), 0.0, 0
    mean = torch.tensor(MEAN, dtype=torch.float64).reshape(-1, 1, 1)
    deviation = torch.tensor(STANDARD_DEVIATION, dtype=torch.float64).reshape(-1, 1, 1)
    images, all_labels = read_images(path)
    for pixels, labels in zip(images.split(batch_size), all_labels.split(batch_size)):
        logits = model(((pixels.double() / 255 - mean) / deviation).float())
        total += torch.nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(1) == labels).sum().item()
    count = len(all_labels)
    return {"accuracy": correct / count, "loss": total / count, "images": count}


@torch.inference_mode()
def try_out():
    print("class probabilities of random images:", load()(torch.randn(2, *IMAGE)).softmax(1))


def main():
    parser = argparse.ArgumentParser(description="Without an option: class probabilities of random images.")
    parser.add_argument(
        "--score", metavar="FILE", help="the score of an HDF5 file as JSON, as `enas_hpc evaluate` gives it (needs h5py)"
    )
    parser.add_argument("--onnx", metavar="FILE", help="write the network as ONNX (needs the package onnx)")
    arguments = parser.parse_args()
    if arguments.onnx:
        export_onnx(arguments.onnx)
    elif arguments.score:
        try:
            print(json.dumps(score(arguments.score)))
        except (ImportError, OSError, ValueError) as error:
            sys.exit(f"model.py: {error}")
    else:
        try_out()


if __name__ == "__main__":
    main()
)py";
}

}  // namespace enas::child

// SPDX-License-Identifier: Apache-2.0
#include "search/evaluator/score_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"
#include "io/durable_file.hpp"
#include "io/hdf5_image.hpp"

namespace enas::search {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr std::int64_t kFormatVersion = 2;

io::ImageReader open(const std::filesystem::path& file) {
  const std::string text = io::read_text(file, kMaxBytes);
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return {std::move(bytes), file.string()};
}

/// "recurrent/4 with tanh, relu".
std::string describe(const std::string& space, const std::vector<std::string>& options) {
  return concat(space, " with ", join(options, ", "));
}

void check_format(const io::ImageReader& image, const std::string& file) {
  if (!image.has_attribute("/", "format") ||
      image.string_attribute("/", "format") != "enas_hpc table") {
    throw InputError(concat(file, " is no table of architectures (evaluation.table)"));
  }
  const auto version = image.int_attribute("/", "format_version");
  if (version != kFormatVersion) {
    throw InputError(concat(file, " has format version ", version, "; expected ", kFormatVersion));
  }
  const std::string metric = image.string_attribute("/", "metric");
  if (metric != "perplexity") {
    throw InputError(concat(file, " compares by \"", metric, "\"; expected \"perplexity\""));
  }
}

void check_space(const io::ImageReader& image, const std::string& file,
                 const space::SearchSpace& space) {
  const std::string found =
      describe(image.string_attribute("/", "space"), image.read_strings("/options"));
  const std::string wanted = describe(space.id(), space.options());
  if (found == wanted) return;
  throw ConfigError(concat(file, " is a table of ", found, "; the configuration asks for ", wanted,
                           " (space.nodes, space.activations, space.first_node)"));
}

void check_shapes(const io::ImageReader& image, const std::string& file, int num_tokens) {
  const auto tokens = image.shape("/tokens");
  if (tokens.size() != 2 || tokens[1] != num_tokens) {
    throw InputError(concat(file, ": /tokens has shape [", join(tokens, ", "), "]; expected [n, ",
                            num_tokens, "]"));
  }
  const auto losses = image.shape("/loss");
  if (losses.size() != 2 || losses[0] != tokens[0] || losses[1] < 1) {
    throw InputError(concat(file, ": /loss has shape [", join(losses, ", "), "]; expected [",
                            tokens[0], ", trainings]"));
  }
}

}  // namespace

ScoreTable::ScoreTable(const std::filesystem::path& file, const space::SearchSpace& space)
    : name_(file.filename().string()) {
  const io::ImageReader image = open(file);
  check_format(image, file.string());
  check_space(image, file.string(), space);
  check_shapes(image, file.string(), space.num_tokens());
  const auto tokens = image.read<std::int32_t>("/tokens");
  const auto losses = image.read<double>("/loss");
  num_trainings_ = image.shape("/loss")[1];

  const auto num_rows = static_cast<std::int64_t>(losses.size()) / num_trainings_;
  for (std::int64_t row = 0; row < num_rows; ++row) {
    const auto first = tokens.begin() + row * space.num_tokens();
    const space::Architecture architecture{space.id(), {first, first + space.num_tokens()}};
    double sum = 0.0;
    for (std::int64_t training = 0; training < num_trainings_; ++training) {
      sum += losses[static_cast<std::size_t>(row * num_trainings_ + training)];
    }
    try {
      space.validate(architecture.tokens);
      add(architecture, sum / static_cast<double>(num_trainings_));
    } catch (const InputError& error) {
      throw InputError(concat(file.string(), ": row ", row, ": ", error.what()));
    }
  }
  if (std::to_string(num_rows) != space.size_text()) {
    throw InputError(concat(file.string(), " has ", num_rows, " of the ", space.size_text(),
                            " architectures of ", space.id(), "; expected all of them"));
  }
  digest_ = io::Digester()
                .add(describe(space.id(), space.options()))
                .add_values(std::span(tokens))
                .add_values(std::span(losses))
                .finish();
}

void ScoreTable::add(const space::Architecture& architecture, double loss) {
  if (!std::isfinite(loss)) throw InputError(concat("the loss is ", loss, "; expected a number"));
  if (!losses_.emplace(architecture, loss).second) {
    throw InputError(concat("the architecture ", architecture.text(), " is there twice"));
  }
  lowest_ = std::min(lowest_, loss);
  highest_ = std::max(highest_, loss);
}

}  // namespace enas::search

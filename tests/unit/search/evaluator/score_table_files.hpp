// SPDX-License-Identifier: Apache-2.0
// Tables of a space of four cells, whole or with something wrong.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/durable_file.hpp"
#include "io/hdf5_image.hpp"
#include "search/settings.hpp"

namespace enas::search {

/// What a table file holds; a good one unless something is changed.
struct TableContent {
  std::string format = "enas_hpc table";
  std::int64_t version = 2;
  std::string space = "recurrent/2";
  std::string metric = "perplexity";
  std::vector<std::string> options = {"tanh", "relu"};
  std::vector<std::int32_t> tokens = {0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1};
  std::vector<double> loss = {1.0, 2.0, 0.5, 0.75, 3.0, 3.5, 1.5, 1.5};
  std::vector<std::int64_t> token_shape = {4, 3};
  std::vector<std::int64_t> loss_shape = {4, 2};

  std::filesystem::path write(const std::filesystem::path& file) const {
    io::ImageWriter image(1 << 14);
    image.attribute("/", "format", format);
    image.attribute("/", "format_version", version);
    image.attribute("/", "space", space);
    image.attribute("/", "metric", metric);
    image.strings("/options", options);
    image.dataset<std::int32_t>("/tokens", tokens, token_shape);
    image.dataset<double>("/loss", loss, loss_shape);
    const io::Image bytes = image.finish();
    io::write_durable(file, std::span(bytes.data(), bytes.size()));
    return file;
  }
};

/// The space of such a table.
inline Settings table_settings(const std::filesystem::path& file) {
  Settings settings;
  settings.evaluation = {Evaluation::table, file.string()};
  settings.space.recurrent.nodes = 2;
  settings.space.recurrent.activations = {space::Activation::tanh, space::Activation::relu};
  return settings;
}

}  // namespace enas::search

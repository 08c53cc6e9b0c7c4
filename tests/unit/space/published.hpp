// SPDX-License-Identifier: Apache-2.0
// The published architectures as their programs write them, and what is shipped of them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "space/formats/formats.hpp"

namespace enas::space {

// Pham et al. 2018, released code.
inline constexpr std::string_view kEnasPtb = "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1";

// Of the authors' enas_lm.
inline constexpr std::string_view kEnasLm = "0 2 1 0 2 1 2 2 4 0 5 0 3 2 6 2";

// As numpy prints it.
inline constexpr std::string_view kEnasMicro = R"(
[0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1]
[1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4
 0 3 1 1])";

inline constexpr std::string_view kEnasMacro = R"(
    0 | 3 0 | 0 1 0 | 2 0 0 1 | 2 0 0 0 0 | 3 1 1 0 1 0
    2 0 0 0 0 0 1 | 2 0 1 1 0 1 1 1 | 1 0 1 1 1 0 1 0 1 | 0 0 0 0 0 0 0 0 0 0
    2 0 0 0 0 0 1 0 0 0 0 | 0 1 0 0 1 1 0 0 0 0 1 1 | 2 0 1 0 0 0 0 0 1 0 1 1 0
    1 0 0 1 0 0 0 1 1 1 0 1 0 1 | 0 1 1 0 1 0 1 0 0 0 0 0 1 0 0
    2 0 0 1 0 0 0 0 0 0 0 1 0 1 0 1 | 2 0 1 0 0 0 1 0 0 1 1 1 1 0 0 1 0
    2 0 0 0 0 1 0 1 0 1 0 0 1 0 1 0 0 1 | 3 0 1 1 0 1 0 0 0 0 0 1 0 1 0 1 0 0 0
    3 0 1 1 0 0 0 0 0 0 0 0 0 1 1 0 0 0 0 1 | 0 1 0 0 1 0 1 1 0 0 0 1 0 0 0 0 0 1 1 0 0
    3 0 1 0 1 1 0 0 1 0 1 1 0 1 1 0 1 0 0 1 0 0
    0 1 0 1 0 1 0 0 0 0 0 0 0 0 1 0 1 0 0 1 0 0 0
    0 1 1 0 0 0 1 1 1 0 1 0 0 0 1 0 1 0 0 1 1 0 0 0)";

// Liu et al. 2019, released code: the cell of ENAS, and their own, as a log prints it.
inline constexpr std::string_view kDartsEnasRecurrent = R"(
ENAS = Genotype(
    recurrent = [
        ('tanh', 0),
        ('tanh', 1),
        ('relu', 1),
        ('tanh', 3),
        ('tanh', 3),
        ('relu', 3),
        ('relu', 4),
        ('relu', 7),
        ('relu', 8),
        ('relu', 8),
        ('relu', 8),
    ],
    concat = [2, 5, 6, 9, 10, 11]
)
)";

inline constexpr std::string_view kDartsV2Recurrent =
    "2018-06-01 09:00:00,000 genotype = Genotype(recurrent=[('sigmoid', 0), ('relu', 1), "
    "('relu', 1), ('identity', 1), ('tanh', 2), ('sigmoid', 5), ('tanh', 3), ('relu', 5)], "
    "concat=range(1, 9))\n";

// The cells of kEnasMicro in the terms of DARTS.
inline constexpr std::string_view kDartsEnasMicro = R"(Genotype(
  normal=[("avg_pool_3x3", 0), ("sep_conv_3x3", 0), ("skip_connect", 0), ("sep_conv_5x5", 0),
          ("skip_connect", 0), ("sep_conv_5x5", 1), ("sep_conv_3x3", 1), ("sep_conv_5x5", 0),
          ("avg_pool_3x3", 0), ("sep_conv_5x5", 1)], normal_concat=range(2, 7),
  reduce=[("sep_conv_3x3", 1), ("sep_conv_3x3", 1), ("max_pool_3x3", 0), ("avg_pool_3x3", 0),
          ("sep_conv_5x5", 1), ("sep_conv_5x5", 3), ("sep_conv_3x3", 1), ("skip_connect", 0),
          ("max_pool_3x3", 0), ("sep_conv_5x5", 1)], reduce_concat=(2, 4, 5, 6)))";

// The dag.json of carpedm20/ENAS-pytorch.
inline constexpr std::string_view kCarpedm20Dag = R"({
  "-1": [[0, "tanh"]], "-2": [[0, "tanh"]], "0": [[1, "tanh"]], "1": [[2, "ReLU"], [3, "tanh"]],
  "2": [[4, "tanh"], [5, "tanh"], [6, "ReLU"]], "4": [[7, "ReLU"]], "7": [[8, "ReLU"]],
  "8": [[9, "ReLU"], [10, "ReLU"], [11, "ReLU"]], "3": [[12, "avg"]], "5": [[12, "avg"]],
  "6": [[12, "avg"]], "9": [[12, "avg"]], "10": [[12, "avg"]], "11": [[12, "avg"]],
  "12": [[13, "h[t]"]]})";

/// How a file of configs/architectures was made.
struct Published {
  std::string_view name;
  ArchitectureFormat format;
  std::optional<SpaceKind> space;
  std::string_view text;
  std::string_view source;

  ArchitectureFile file() const {
    ArchitectureFile imported = import_architecture(format, space, text, name);
    imported.name = name;
    imported.origin = {{"source", source}};
    return imported;
  }
};

inline const std::array<Published, 7> kPublished = {{
    {"darts-enas-micro", ArchitectureFormat::darts, SpaceKind::micro, kDartsEnasMicro,
     "Pham et al. 2018, the cells of enas-micro as a genotype of DARTS"},
    {"darts-enas-recurrent", ArchitectureFormat::darts, SpaceKind::recurrent, kDartsEnasRecurrent,
     "Liu et al. 2019, released code (quark0/darts): the cell of enas-ptb in other numbers"},
    {"darts-v2-recurrent", ArchitectureFormat::darts, SpaceKind::recurrent, kDartsV2Recurrent,
     "Liu et al. 2019, released code (quark0/darts): second order"},
    {"enas-lm", ArchitectureFormat::enas_lm, SpaceKind::recurrent, kEnasLm,
     "Pham et al. 2018, later code for Penn Treebank (google-research/enas_lm)"},
    {"enas-macro", ArchitectureFormat::tf, SpaceKind::macro, kEnasMacro,
     "Pham et al. 2018, released code (melodyguan/enas), CIFAR-10"},
    {"enas-micro", ArchitectureFormat::tf, SpaceKind::micro, kEnasMicro,
     "Pham et al. 2018, released code (melodyguan/enas), CIFAR-10"},
    {"enas-ptb", ArchitectureFormat::tf, SpaceKind::recurrent, kEnasPtb,
     "Pham et al. 2018, released code (melodyguan/enas), Penn Treebank"},
}};

}  // namespace enas::space

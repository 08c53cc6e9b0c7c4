// SPDX-License-Identifier: Apache-2.0
// CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in their binary formats, mapped.
#pragma once

#include <filesystem>

#include "data/image_set.hpp"

namespace enas::data {

/// data_batch_1.bin … data_batch_5.bin and test_batch.bin: records of one label and 3072 bytes,
/// 30,730,000 bytes a file. Throws InputError: 66 for a missing folder or file, 65 naming file,
/// offset, expected and found for a wrong size or a label above 9.
ImageSet read_cifar10(const std::filesystem::path& folder, const ImageSplitOptions& options);

/// train.bin (50,000 records) and test.bin (10,000): a coarse label (0-19), a fine label (0-99) and
/// 3072 bytes. Classes are the fine ones. Throws likewise.
ImageSet read_cifar100(const std::filesystem::path& folder, const ImageSplitOptions& options);

}  // namespace enas::data

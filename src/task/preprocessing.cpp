// SPDX-License-Identifier: Apache-2.0
#include "task/preprocessing.hpp"

namespace enas::task {

std::string vocabulary_text(const std::vector<std::string>& vocabulary) {
  std::string text;
  for (const std::string& word : vocabulary) text += word + '\n';
  return text;
}

}  // namespace enas::task

// SPDX-License-Identifier: Apache-2.0
// A folder for a test on several ranks.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "support/mpi_main.hpp"

namespace enas {

/// A folder that all ranks see, made and removed by rank 0.
class SharedFolder {
 public:
  SharedFolder() {
    std::string name = testing::TempDir() + "enas_search_XXXXXX";
    if (test_world().is_root() && mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("mkdtemp failed");
    }
    path_ = test_world().broadcast_text(name);
  }
  ~SharedFolder() {
    std::error_code ignored;
    if (test_world().is_root()) std::filesystem::remove_all(path_, ignored);
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace enas

// SPDX-License-Identifier: Apache-2.0
// Versions of the libraries that this folder owns, as they are loaded.
#include <hdf5.h>
#include <xxhash.h>

#include "core/text.hpp"
#include "io/hdf5_image.hpp"

namespace enas::io {

std::vector<std::string> library_versions() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  const unsigned xxhash = XXH_versionNumber();
  return {concat("HDF5 ", major, ".", minor, ".", release),
          concat("xxHash ", xxhash / 10000, ".", xxhash / 100 % 100, ".", xxhash % 100)};
}

}  // namespace enas::io

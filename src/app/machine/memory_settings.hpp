// SPDX-License-Identifier: Apache-2.0
// How this process keeps its memory. ENAS_HPC_KEEP_MEMORY=0 leaves that to the C library.
#pragma once

#include <string>

namespace enas::app {

/// Before anything large is allocated: freed memory stays with the process, since every step asks
/// for the same sizes again and fresh pages cost more than the arithmetic on them.
void keep_memory();

/// "freed memory is kept", or who else decides and why.
std::string memory_settings_state();

}  // namespace enas::app

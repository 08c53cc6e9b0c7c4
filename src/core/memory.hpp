// SPDX-License-Identifier: Apache-2.0
// What the operating system says of this process's memory.
#pragma once

namespace enas {

/// Most memory that this program ever had resident, in bytes; 0 where it is not known. Not
/// getrusage(), whose peak a program inherits from the one that started it.
double peak_memory_bytes();

}  // namespace enas

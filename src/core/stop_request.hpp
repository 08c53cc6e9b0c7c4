// SPDX-License-Identifier: Apache-2.0
// Signals set flags. The ranks tell each other of them once a step, and stop together.
#pragma once

#include <string_view>

namespace enas {

/// Installs handlers for USR1, USR2, TERM, INT and HUP that only set a flag (USR2 asks for a
/// checkpoint, the others for a stop), and ignores PIPE and XFSZ. A second INT within 3 s leaves at
/// once with 130; a HUP that is ignored already (nohup) stays so. Standard streams that are closed
/// are opened on /dev/null, or the next file opened would receive the messages. Call before
/// MPI_Init.
void install_stop_handlers();

/// True once a stop was asked for.
bool stop_requested();
/// Name of the signal that asked first ("SIGUSR1"), or "".
std::string_view stop_signal_name();
/// True once after each USR2.
bool take_checkpoint_request();

}  // namespace enas

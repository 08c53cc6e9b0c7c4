# SPDX-License-Identifier: Apache-2.0
"""Reads run directories of enas_hpc: `Run(path)` has tables, configuration and the best child."""
from .architecture import Architecture, read_architecture
from .errors import AnalysisError, CutFileError, DamagedFileError, MissingFileError, NewerFormatError
from .run import Best, Run

__version__ = "0.1.0"
__all__ = ["AnalysisError", "Architecture", "Best", "CutFileError", "DamagedFileError", "MissingFileError",
           "NewerFormatError", "Run", "read_architecture"]

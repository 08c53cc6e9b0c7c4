# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with files, as exceptions whose text is fit to be shown."""


class AnalysisError(Exception):
    """Base of all: the text names the file, what is wrong and what to do."""


class MissingFileError(AnalysisError):
    """A file or folder is not there."""


class NewerFormatError(AnalysisError):
    """A file was written by a newer version of enas_hpc."""


class DamagedFileError(AnalysisError):
    """A file is not what was once written."""


class CutFileError(DamagedFileError):
    """A file ends early, for example because it was copied while it was being copied."""

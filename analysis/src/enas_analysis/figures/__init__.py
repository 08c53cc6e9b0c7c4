# SPDX-License-Identifier: Apache-2.0
"""The pictures of a report, each a function of runs."""

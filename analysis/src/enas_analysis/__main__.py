# SPDX-License-Identifier: Apache-2.0
"""python -m enas_analysis"""
import sys

from .commands import main

sys.exit(main())

# SPDX-License-Identifier: BSD-3-Clause
"""Where the build put its programs."""

import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD", TOP / "build-release"))


def program(name):
    """Where the build put it."""
    found = [p for p in BUILD.rglob(name) if p.is_file() and os.access(p, os.X_OK)]
    if not found:
        raise FileNotFoundError(f"no {name} in {BUILD}: build it first")
    return found[0]

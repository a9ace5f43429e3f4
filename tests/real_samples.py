"""Real documents, by other people and not kept here: the folder that TIDINGS_SAMPLES names.

Failing that, the one beside the checkout.
"""

import os
from pathlib import Path

import pytest

SAMPLES = Path(
    os.environ.get("TIDINGS_SAMPLES") or Path(__file__).resolve().parents[2] / "shared" / "data"
)


def needs(name):
    """Return a mark for tests that need a file or folder of the samples."""
    wanted = SAMPLES / name
    return pytest.mark.skipif(not wanted.exists(), reason=f"there is no {wanted}")

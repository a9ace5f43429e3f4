"""Real documents, by other people and not kept here: the folder that TIDINGS_SAMPLES names.

Failing that, the one beside the checkout.
"""

import os
from pathlib import Path

import pytest

NAMED = os.environ.get("TIDINGS_SAMPLES")
SAMPLES = Path(NAMED or Path(__file__).resolve().parents[2] / "shared" / "data")


def needs(name):
    """Return a mark for tests that need a file or folder of the samples.

    They are skipped only if nobody has said where it is: in a folder that is named and has it not,
    they fail.
    """
    wanted = SAMPLES / name
    is_missing = not (NAMED or wanted.exists())
    return pytest.mark.skipif(is_missing, reason=f"no {wanted}; TIDINGS_SAMPLES may name a folder")

"""A process of the program whose clock is ahead, as on a machine without NTP."""

_CODE = """
import sys
from datetime import timedelta
from tidings.app import app
right = app.utc_now
app.utc_now = lambda: right() + timedelta(seconds={seconds})
from tidings.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def ahead_by(seconds):
    """Return what Python is given to run the program, in place of `-m tidings`."""
    return ("-c", _CODE.format(seconds=seconds))

"""Owners of leases on messages: each names its process, so that others can tell that it is gone.

What a process held that was killed is then free at once, and does not wait for the lease. Nobody is
mailed twice if this is mistaken: the marker can be set only by who still holds the lease.
"""

import os
from pathlib import Path

from tidings.polling.store.leases import name_of_round

# New with every start of the machine.
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_PID_NAMESPACE = Path("/proc/self/ns/pid")


def owner_of_round(process: str) -> str:
    """Return a lease owner for one round of sending, which no other round has."""
    return f"{name_of_round(process)}@{_pid_space()}/{os.getpid()}"


def is_gone(owner: str) -> bool:
    """Tell whether the process of a lease owner has ended; False if that cannot be known."""
    pid_space, _, pid = owner.rpartition("@")[2].rpartition("/")
    if not pid_space or pid_space != _pid_space():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it exists, and is somebody else's
        return False
    return False


def _pid_space() -> str:
    """Return what process ids are unique in; empty where there is no telling, as on macOS."""
    # The boot alone is not enough: containers of one machine share it, and each counts its own.
    try:
        boot_id = _BOOT_ID.read_text(encoding="ascii").strip()
        return f"{boot_id}/{_PID_NAMESPACE.readlink()}"
    except OSError:
        return ""

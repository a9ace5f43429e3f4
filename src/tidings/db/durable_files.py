"""What makes files outlast a power cut, besides syncing them."""

import os
from pathlib import Path


def fsync_folder(folder: Path) -> None:
    """Sync a folder, so that renames in it outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What every command starts with: the settings."""

import os
from dataclasses import dataclass
from pathlib import Path

from tidings import config, log
from tidings.config import Settings
from tidings.resources import data_dir

# The status by which a mail server knows to keep a message, and to hand it over again: EX_TEMPFAIL
# of sysexits.h.
TRY_LATER = 75


@dataclass(frozen=True, slots=True)
class Start:
    """Where the settings come from.

    Attributes:
        path: The file named by `--config`.
        umask: The caller's, for files that others shall read, such as the static site.
    """

    path: Path | None
    umask: int = 0o022

    def settings(self) -> Settings:
        """Read the settings; errors alone are logged from here on.

        Raises:
            ConfigError: A setting is unknown or impossible.
        """
        settings = config.load(data_dir("config") / "tidings.toml", self.path, os.environ)
        # A command prints what it did; log lines between would be noise.
        log.configure(settings.log.format, "ERROR")
        return settings

    def service_settings(self) -> Settings:
        """Read the settings of a service, which logs as they say.

        Raises:
            ConfigError: A setting is unknown or impossible.
        """
        settings = self.settings()
        log.configure(settings.log.format, settings.log.level)
        return settings

"""The files that come with the program: templates and the shipped settings."""

from pathlib import Path

from tidings.errors import ConfigError

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent.parent


def data_dir(name: str) -> Path:
    """Return the folder `templates` or `config`: of the wheel, or of the checkout.

    Raises:
        ConfigError: Neither is there: the installation is broken.
    """
    # A wheel packs them inside the package; a checkout has them at its root.
    for folder in (PACKAGE / "_data" / name, CHECKOUT / name):
        if folder.is_dir():
            return folder
    raise ConfigError(f"the installation lacks its folder {name}: install tidings again")

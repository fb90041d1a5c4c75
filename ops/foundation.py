"""The foundation of a home: read by each process that believes signatures, the smallest among them."""

from __future__ import annotations

from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation, read_foundation
from ops.settings import Home, SettingsError

FOUNDATION_FILE = "foundation.json"


def read_home_foundation(home: Home) -> Foundation:
    """From whom all rights follow in this installation. Raises `SettingsError`."""
    try:
        return read_foundation((home.path / FOUNDATION_FILE).read_bytes())
    except FileNotFoundError:
        raise SettingsError(f"{FOUNDATION_FILE} is missing in the home: `bidui init` writes it") from None
    except DeedError as error:
        raise SettingsError(str(error)) from None

"""Keys of disclosures, one a month, in a folder outside every database: what is deleted here opens nothing again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from adapters.keys.files import KeyFileError, Passphrase, private_folder, read_secret, write_secret
from audit.disclosure import DataKey

KEY_BYTES = 32
_MONTH = re.compile(r"\d{4}-\d{2}")


class DisclosureKeyFiles:
    """Keeps the promise of `audit.disclosure.DisclosureKeys`."""

    def __init__(self, folder: Path, passphrase: Passphrase | None, entropy: Callable[[int], bytes]) -> None:
        self._folder = private_folder(folder)
        self._passphrase = passphrase
        self._entropy = entropy

    def current(self, month: str) -> DataKey:
        """The key of a month. Two processes that meet a new month both end with the one that was written first."""
        path = self._path(month)
        if not path.exists():
            self._make(path)
        return DataKey(month, read_secret(path, self._passphrase))

    def open(self, kid: str) -> bytes | None:
        if not _MONTH.fullmatch(kid):
            return None
        path = self._path(kid)
        return read_secret(path, self._passphrase) if path.exists() else None

    def _path(self, month: str) -> Path:
        return self._folder / f"{month}.secret"

    def _make(self, path: Path) -> None:
        try:
            write_secret(path, self._entropy(KEY_BYTES), self._passphrase, self._entropy)
        except KeyFileError:
            if not path.exists():
                raise

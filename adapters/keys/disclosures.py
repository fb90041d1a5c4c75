"""The keys of the ledger's disclosures: one a month, each in a file of its own, so that it can be destroyed.

They lie outside the database and its backups. After `erase` every disclosure under that key is gone for good; the
month goes on under a new key with another name.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from adapters.keys.files import (
    Entropy,
    KeyFileError,
    Passphrase,
    private_folder,
    read_secret,
    sync_folder,
    write_secret,
)
from audit.disclosure import DataKey

NAME = re.compile(r"\d{4}-\d{2}-[0-9a-f]{8}")
MONTH = re.compile(r"\d{4}-\d{2}")
KEY_BYTES = 32


class DisclosureKeyFiles:
    """Keeps the promise of `audit.disclosure.DisclosureKeys` with a folder of secrets."""

    def __init__(self, folder: Path, *, entropy: Entropy, passphrase: Passphrase | None = None) -> None:
        self._folder = private_folder(folder)
        self._entropy, self._passphrase = entropy, passphrase

    def current(self, month: str) -> DataKey:
        """The key of a month ("2025-01"), durable before it is used. Two processes may each make one; both are good."""
        if not MONTH.fullmatch(month):
            raise KeyFileError("a month is written like 2025-01")
        found = sorted(path for path in self._folder.glob(f"{month}-*.secret") if NAME.fullmatch(path.stem))
        if found:
            return DataKey(found[0].stem, read_secret(found[0], self._passphrase))
        key = DataKey(f"{month}-{self._entropy(4).hex()}", self._entropy(KEY_BYTES))
        write_secret(self._path(key.kid), key.key, self._passphrase, self._entropy)
        return key

    def open(self, kid: str) -> bytes | None:
        """The key of that name, or None when it was erased or never was. Nothing is kept in memory."""
        path = self._path(kid)
        return read_secret(path, self._passphrase) if path.exists() else None

    def erase(self, kid: str) -> None:
        """Destroy a key: overwrite its file, then remove it, durably. Erasing it again changes nothing."""
        path = self._path(kid)
        try:
            with open(os.open(path, os.O_WRONLY | os.O_NOFOLLOW), "wb") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        except FileNotFoundError:
            return
        sync_folder(self._folder)

    def _path(self, kid: str) -> Path:
        if not NAME.fullmatch(kid):
            raise KeyFileError("that is no name of a disclosure key")
        return self._folder / f"{kid}.secret"

"""Keys of tokens, in a folder outside every database: one of points, and one of each year's search tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from adapters.keys.files import KeyFileError, Passphrase, private_folder, read_secret, write_secret

KEY_BYTES = 32
_POINT = "point"
_EPOCH = re.compile(r"[0-9]{4}")


class TokenKeyFiles:
    """Keeps the promise of `audit.tokens.TokenKeys`. Raises `KeyFileError` when it cannot."""

    def __init__(self, folder: Path, passphrase: Passphrase | None, entropy: Callable[[int], bytes]) -> None:
        self._folder = private_folder(folder)
        self._passphrase = passphrase
        self._entropy = entropy
        self._key = cache(self._read)

    def point(self) -> bytes:
        return self._key(_POINT)

    def search(self, epoch: str) -> bytes:
        if not _EPOCH.fullmatch(epoch):
            raise KeyFileError(f"an epoch of search tokens is a year, not {epoch!r}")
        return self._key(epoch)

    def epochs(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.secret") if _EPOCH.fullmatch(path.stem))

    def _read(self, name: str) -> bytes:
        """The key of this name. Two processes that make it at once both end with the one that was written first."""
        path = self._folder / f"{name}.secret"
        if not path.exists():
            try:
                write_secret(path, self._entropy(KEY_BYTES), self._passphrase, self._entropy)
            except KeyFileError:
                if not path.exists():
                    raise
        return read_secret(path, self._passphrase)

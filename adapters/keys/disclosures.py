"""Keys of disclosures, in a folder outside every database: what is destroyed here opens nothing again.

    2026-06.secret   the half of a month
    persons.tree     the halves of all persons, as the nodes that are left of one tree (`audit/puncture.py`)

To destroy somebody's half the tree is written anew without it. The new file is durable before it takes the old one's
name, and the old bytes are overwritten afterwards, also after a crash in between. Where a disk writes elsewhere what is
written anew, old bytes may stay; such a disk must be encrypted. Every process looks before each batch whether the file
is still the one it read.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

from adapters.keys.files import (
    KeyFileError,
    Passphrase,
    lock_secret,
    private_folder,
    read_secret,
    sync_folder,
    write_new,
    write_secret,
)
from adapters.keys.tokens import TokenKeyFiles
from audit.data_keys import HALF_BYTES, MonthKeys, PointOf
from audit.puncture import SEED_BYTES, Tree
from audit.suite import INTL, Suite
from audit.tokens import Tokens

LARGEST_TREE = 256 * 2**20
"""Room for some ten thousand people."""
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_TREE, _LOCK = "persons.tree", "persons.lock"
_LEFT_OVER = f".{_TREE}*"
_DIGEST_BYTES = 32
_PUT_BACK = "put it back from the backup of keys, then run `bidui audit erase`"


@dataclass(frozen=True)
class _Held:
    """What was read of one file, and what was derived from it."""

    seen: tuple[int, ...]
    tree: Tree
    months: dict[str, MonthKeys] = field(default_factory=dict[str, MonthKeys])


class DisclosureKeyFiles:
    """Keeps the promise of `audit.disclosure.DisclosureKeys`. Raises `KeyFileError` when it cannot."""

    def __init__(
        self,
        folder: Path,
        passphrase: Passphrase | None,
        entropy: Callable[[int], bytes],
        point: PointOf | None = None,
        suite: Suite = INTL,
    ) -> None:
        """Without `point` the keys of points are looked for in the folder `search` beside this one."""
        self._folder = private_folder(folder)
        self._passphrase = passphrase
        self._entropy, self._suite = entropy, suite
        self._point = point or _points(folder.parent / "search", passphrase, entropy)
        self._path = folder / _TREE
        self._held: _Held | None = None

    def current(self, month: str) -> MonthKeys:
        """The keys of a month. Two processes that meet a new month both end with the half that was written first."""
        held = self._fresh()
        return held.months.get(month) or self._keys(month, held)

    def open(self, kid: str) -> MonthKeys | None:
        if not _MONTH.fullmatch(kid) or not self._half(kid).exists():
            return None
        return self.current(kid)

    def destroy(self, before: Mapping[bytes, int]) -> bool:
        """Cuts out of each point all months before one, for good; False when nothing of them was left.

        Durable when it returns. One process at a time, so that none puts back what another took out.
        """
        with self._locked():
            tree = cut = self._fresh().tree
            for point, month in before.items():
                if not cut.lacks(point, month):
                    cut = cut.without(point, month)
            if cut is tree:
                return False
            self._replace(cut)
        self._fresh()
        return True

    def is_destroyed(self, point: bytes, before: int) -> bool:
        """Whether none of these months is left of a point."""
        return self._fresh().tree.lacks(point, before)

    def tidy(self) -> None:
        """Wipes what a crash left of trees that were replaced."""
        with self._locked():
            pass

    def _keys(self, month: str, held: _Held) -> MonthKeys:
        path = self._half(month)
        if not path.exists():
            self._make(path)
        half = read_secret(path, self._passphrase)
        found = held.months[month] = MonthKeys(month, half, held.tree, self._point, self._suite)
        return found

    def _half(self, month: str) -> Path:
        return self._folder / f"{month}.secret"

    def _make(self, path: Path) -> None:
        try:
            write_secret(path, self._entropy(HALF_BYTES), self._passphrase, self._entropy)
        except KeyFileError:
            if not path.exists():
                raise

    def _fresh(self) -> _Held:
        """The tree as it is now. What was derived from another one is forgotten with it."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            self._plant()
            status = os.stat(self._path)
        seen = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        held = self._held
        if held is None or held.seen != seen:
            # A file that changes after `stat` is read once more, at the next look.
            held = self._held = _Held(seen, self._read())
        return held

    def _plant(self) -> None:
        """Grows the tree of a new installation. Where there are months already, a tree was lost."""
        with self._locked():
            if self._path.exists():
                return
            if any(_MONTH.fullmatch(each.stem) for each in self._folder.glob("*.secret")):
                raise KeyFileError(f"{self._path} is missing; {_PUT_BACK}")
            write_new(self._path, self._written(Tree.grown(self._entropy(SEED_BYTES))))

    def _read(self) -> Tree:
        content = read_secret(self._path, self._passphrase, LARGEST_TREE)
        body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        try:
            if sha256(body).digest() == digest:
                return Tree.decode(body)
        except ValueError:
            pass
        raise KeyFileError(f"{self._path} was changed or cut off; {_PUT_BACK}")

    def _written(self, tree: Tree) -> bytes:
        body = tree.encode()
        return lock_secret(body + sha256(body).digest(), self._passphrase, self._entropy)

    def _replace(self, tree: Tree) -> None:
        new, old = (self._path.with_name(f".{_TREE}.{word}") for word in ("new", "old"))
        write_new(new, self._written(tree))
        os.link(self._path, old)
        sync_folder(self._folder)
        new.rename(self._path)
        sync_folder(self._folder)
        # A crash before this line leaves the old tree under its other name: the next one with the lock wipes it.
        self._wipe()

    def _wipe(self) -> None:
        """Overwrites and removes whatever is not the tree itself: older ones, and drafts of it."""
        for path in self._folder.glob(_LEFT_OVER):
            if not (self._path.exists() and path.samefile(self._path)):
                with path.open("r+b") as file:
                    file.write(self._entropy(os.fstat(file.fileno()).st_size))
                    file.flush()
                    os.fsync(file.fileno())
            path.unlink()
        sync_folder(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._wipe()
            yield


def _points(folder: Path, passphrase: Passphrase | None, entropy: Callable[[int], bytes]) -> PointOf:
    """Reads the key of points when somebody is recorded, not when something is only opened."""

    @cache
    def tokens() -> Tokens:
        return Tokens(TokenKeyFiles(folder, passphrase, entropy))

    return lambda kind, number: tokens().point(kind, number).digest

"""The disk: how much is left, a reserve that is let go when it runs out, and a trial to write where the ledger does.

The last entries, which say why nothing is answered any more, still need room. So does whoever cleans up.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

RESERVE, TRIAL = "reserve", ".trial"
_TRIAL_BYTES = b"\0" * 4096


@dataclass
class Disk:
    """Looks at the disk of one installation. `reserve` and `least_free` are in bytes."""

    data: Path
    checkpoints: Path
    reserve: int
    least_free: int
    free: int | None = None
    """Bytes left at the last look; None before the first."""
    trial: int = 0
    """The error number of the last trial to write; 0 when it went well."""

    def look(self) -> None:
        """Measures, writes a little and takes it away again, keeps or lets go of the reserve."""
        self.trial = self._try(self.data) or self._try(self.checkpoints)
        try:
            self.free = shutil.disk_usage(self.data).free
        except OSError as error:
            self.free, self.trial = None, self.trial or error.errno or 0
        try:
            self._keep_reserve()
        except OSError as error:
            self.trial = self.trial or error.errno or 0

    @property
    def held(self) -> int:
        """Bytes that the reserve holds."""
        try:
            return (self.data / RESERVE).stat().st_blocks * 512
        except OSError:
            return 0

    def _keep_reserve(self) -> None:
        if self.free is None or not self.reserve:
            return
        if self.free < self.least_free:
            (self.data / RESERVE).unlink(missing_ok=True)
        elif self.held < self.reserve and self.free >= self.least_free + self.reserve:
            self._allocate()

    def _allocate(self) -> None:
        descriptor = os.open(self.data / RESERVE, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self.reserve)
        finally:
            os.close(descriptor)

    def _try(self, folder: Path) -> int:
        try:
            descriptor = os.open(folder / TRIAL, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, _TRIAL_BYTES)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
                (folder / TRIAL).unlink(missing_ok=True)
        except OSError as error:
            return error.errno or 0
        return 0

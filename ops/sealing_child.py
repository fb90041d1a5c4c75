"""In demo and test mode `bidui serve` starts the sealing process itself, as a child, and starts it again if it dies.

In production the sealing process has its own user and its own unit; serve must not be able to start it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.settings import Home

STOP_SECONDS = 5.0


class SealingChild:
    """The child, alive while the context is open. `look` is called now and then."""

    def __init__(self, home: Home, passphrase_file: Path | None = None) -> None:
        self._command = [sys.executable, "-m", "ops.cli.main", "seal", "--with-parent", "--home", str(home.path)]
        if passphrase_file:
            self._command += ["--passphrase-file", str(passphrase_file)]
        self._process: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Starts the child if it is not running."""
        if self._process is None or self._process.poll() is not None:
            # Its standard input ends when this process does, however it ends; the child then ends too.
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)  # noqa: S603 - our own program

    def __enter__(self) -> Self:
        self.look()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

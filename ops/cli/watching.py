"""`bidui watch`: all its words; those over the record beside those over what is now."""

from __future__ import annotations

from ops.cli.watch import app
from ops.cli.watch_replay import watch_replay

__all__ = ["app"]

app.command("replay")(watch_replay)

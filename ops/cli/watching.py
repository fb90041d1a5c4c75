"""`bidui watch`: all its words; those over the record beside those over what is now."""

from __future__ import annotations

from ops.cli.watch import app
from ops.cli.watch_replay import watch_replay
from ops.cli.watch_report import shadow_report, thresholds, watch_what_if
from ops.cli.watch_shadow import adopt, shadow, tighten

__all__ = ["app"]

app.command("replay")(watch_replay)
app.command("thresholds")(thresholds)
app.command("what-if")(watch_what_if)
app.command("shadow")(shadow)
app.command("shadow-report")(shadow_report)
app.command("adopt")(adopt)
app.command("tighten")(tighten)

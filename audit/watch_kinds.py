"""Kinds of events of the watch."""

from audit.kind import Kind

WATCH_STOPPED = Kind(
    "watch.stopped",
    "监测已阻断",
    "The watch put something on hold or froze it. Recorded in the transaction that stops it.",
    {
        "incident": "number of the incident, as the partner is told it",
        "target": "what it lies on: `grant.` and its number",
        "response": "`held` or `frozen`",
    },
    {"finding": "which detector, what it observed against what it expected, over how many days, pseudonyms of samples"},
)
WATCH_KINDS = (WATCH_STOPPED,)

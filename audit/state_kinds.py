"""Kinds of events about the ledger's own state."""

from audit.kind import Kind

LOG_REBUILT = Kind(
    "log.rebuilt",
    "额度已由存证账重建",
    "Budgets were counted anew from the ledger, after a copy was restored; for days of which entries are lost they "
    "count as spent.",
    {
        "origin": "name of the log that was counted; another one where this log succeeds one that lost entries",
        "entries": "how many of its entries were there",
        "signed": "how many had been signed",
        "spent_from": "first day, Asia/Shanghai, that counts as spent for every grant; null where nothing was lost",
        "spent_until": "last such day",
        "grants": "how many grants that charged",
        "differing": "how many counts (grant and day) were not those of the ledger",
    },
)
STATE_KINDS = (LOG_REBUILT,)

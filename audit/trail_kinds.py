"""The kinds of events about looks into the ledger: whoever reads it leaves a line of their own."""

from audit.kind import Kind

TRAIL_READ = Kind(
    "trail.read",
    "存证账已查阅",
    "Somebody of the office looked into the ledger. Recorded before anything was shown.",
    {
        "person": "account that looked",
        "duty": "its duty",
        "use": "what for: explanation (of one decision), rehearsal (of a draft over many) or entries (as they are)",
        "first": "first entry looked at",
        "last": "last entry looked at",
        "draft": "SHA-256 of the rulebook draft that was rehearsed, or null",
    },
)
TRAIL_KINDS = (TRAIL_READ,)

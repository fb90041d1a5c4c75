"""The kinds of events about what is destroyed for good, and about what is shown of what the ledger hides."""

from audit.kind import Kind

_DEED = "id and SHA-256 of the deed in force that allows it"

ERASURE_APPLIED = Kind(
    "erasure.applied",
    "披露项已删除",
    "A person's disclosures were destroyed: rows, salts, search tokens, the person's half of the data keys. What the \
entries commit to stays, and cannot be opened or guessed any more. Recorded after the keys were destroyed, together \
with the removal of the rows.",
    {
        "deed": _DEED,
        "basis": "the legal basis, as the deed tells it; long numbers in it are left out",
        "names": "which disclosures are gone of every entry named",
        "ranges": "of which entries, as first and last of each run; none where only keys were destroyed again",
        "before": "month before which the person's keys were destroyed",
        "kept": "how many disclosures of the person are younger than the legal floor and stay until they are not",
        "part": "which of `parts` entries this is, from 1: one holds 500 runs",
        "parts": "how many entries tell of this erasure",
    },
)
ERASURE_SCRUBBED = Kind(
    "erasure.scrubbed",
    "存储已清理",
    "The database was written anew, so that nothing of what was erased lies in free pages or in its write-ahead log.",
    {
        "store": "sqlite or postgresql",
        "upto": "last `erasure.applied` entry that this speaks of",
        "remains": "where older bytes may still lie, under keys that are destroyed",
    },
)
TRAIL_REVEALED = Kind(
    "trail.revealed",
    "披露项已开示",
    "Somebody was shown what an entry hides, as two people had signed. Recorded before anything was shown.",
    {
        "person": "account that it was shown to; the one that proposed it",
        "deed": _DEED,
        "entry": "which entry",
        "names": "which of its disclosures",
    },
)
ERASURE_KINDS = (ERASURE_APPLIED, ERASURE_SCRUBBED, TRAIL_REVEALED)

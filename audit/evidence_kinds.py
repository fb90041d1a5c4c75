"""The kinds of events about evidence that is taken out of the ledger."""

from audit.kind import Kind

EVIDENCE_EXPORTED = Kind(
    "evidence.exported",
    "证据包已导出",
    "Somebody took evidence out of the ledger, as a deed in force allows. Recorded before anything was handed out.",
    {
        "person": "account that took it out",
        "duty": "its duty",
        "deed": "id and SHA-256 of the deed that allows it",
        "entries": "how many entries were chosen",
        "chain": "which piece of which partner's chain: `of`, `first`, `last`; or null",
        "names": "which disclosures were opened",
        "until": "day on which the permission ends",
        "size": "size of the tree that the proofs lead to",
        "members_sha256": "digest over the names and digests of all members of the bundle",
    },
)
EVIDENCE_KINDS = (EVIDENCE_EXPORTED,)

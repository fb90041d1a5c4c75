"""Events about evidence taken out, each as a `Draft`. `audit/evidence_kinds.py` tells what they say."""

from audit.bundle import Claims
from audit.entry import JsonValue
from audit.events import Draft, event
from audit.evidence_kinds import EVIDENCE_EXPORTED


def evidence_exported(claims: Claims, *, size: int, members_sha256: str) -> Draft:
    """Somebody takes out what these claims tell of. It stands in nobody's chain."""
    chain = claims.chain
    body: dict[str, JsonValue] = {
        "person": claims.by.person,
        "duty": claims.by.duty,
        "deed": {"id": claims.deed.id, "sha256": claims.deed.sha256},
        "entries": len(claims.entries),
        "chain": {"of": chain.of, "first": chain.first, "last": chain.last} if chain else None,
        "names": claims.names,
        "until": claims.until,
        "size": size,
        "members_sha256": members_sha256,
    }
    return event(EVIDENCE_EXPORTED, None, body)

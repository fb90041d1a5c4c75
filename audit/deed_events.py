"""Events about deeds, each as a `Draft`. `audit/deed_kinds.py` tells what they say."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from audit.deed_kinds import COHORT_FILED, DEED_DRAWN, DEED_IN_FORCE, DEED_REFUSED, DEED_SIGNED
from audit.entry import JsonValue
from audit.events import Draft, event


class DeedRef(Struct, frozen=True):
    """Which version of which deed, and whose partner's chain it belongs to, if any."""

    kind: str
    id: str
    serial: int
    sha256: str
    partner: str | None

    def members(self) -> dict[str, JsonValue]:
        return {"kind": self.kind, "id": self.id, "serial": self.serial, "sha256": self.sha256}


def deed_drawn(ref: DeedRef, *, path: str, author: str, previous: str | None, narrows: str | None) -> Draft:
    """Somebody drew up a deed."""
    also: dict[str, JsonValue] = {"path": path, "author": author, "previous": previous, "narrows": narrows}
    return event(DEED_DRAWN, ref.partner, ref.members() | also)


def deed_signed(ref: DeedRef, *, step: str, person: str, key: str, at: str, proof_sha256: str) -> Draft:
    """Somebody signed a step."""
    also: dict[str, JsonValue] = {"step": step, "person": person, "key": key, "at": at, "proof_sha256": proof_sha256}
    return event(DEED_SIGNED, ref.partner, ref.members() | also)


def deed_refused(ref: DeedRef, *, step: str, person: str, reason_sha256: str) -> Draft:
    """Somebody refused a step."""
    also: dict[str, JsonValue] = {"step": step, "person": person, "reason_sha256": reason_sha256}
    return event(DEED_REFUSED, ref.partner, ref.members() | also)


def deed_in_force(
    ref: DeedRef,
    *,
    path: str,
    previous: str | None,
    by: Sequence[str],
    changed: Sequence[Mapping[str, JsonValue]],
    more: int,
    rights: str,
) -> Draft:
    """A deed came into force."""
    told: dict[str, JsonValue] = {"path": path, "previous": previous, "by": by, "changed": changed, "more": more}
    return event(DEED_IN_FORCE, ref.partner, ref.members() | told | {"rights": rights})


def cohort_filed(*, partner: str, grant: str, root: str, rows: int, malformed: int, by: str) -> Draft:
    """Somebody filed a list."""
    return event(COHORT_FILED, partner, {"grant": grant, "root": root, "rows": rows, "malformed": malformed, "by": by})

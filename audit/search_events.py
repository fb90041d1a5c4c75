"""Events about officers' searches, each as a `Draft`. `audit/search_kinds.py` tells what they say.

A number that was searched for is committed to and encrypted like that of a comparison: it can be shown to whoever may
see it, and is erased with the person. No search token stands here, since nobody could take it out again.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from audit.disclosure import Secret, secret
from audit.entry import JsonValue
from audit.events import Draft, event
from audit.search_kinds import TRAIL_REFUSED, TRAIL_SEARCHED


class Sought(Struct, frozen=True, kw_only=True):
    """Who searched, and for whom or what. `terms` names what was given of subject, operator and matter.

    `because` is the matter that a search for a person needs.
    """

    person: str
    duty: str
    terms: tuple[str, ...] = ()
    kind: str | None = None
    subject: str = ""
    operator: str = ""
    matter: str = ""
    because: str = ""

    def __repr__(self) -> str:
        """Show who searched, not for whom."""
        return f"Sought(person={self.person!r}, terms={self.terms!r})"

    def without_secrets(self) -> "Sought":
        """Return the same without anything that would have to be encrypted."""
        return Sought(person=self.person, duty=self.duty, terms=self.terms, kind=self.kind)


def trail_searched(sought: Sought, *, words: Mapping[str, Sequence[str]], before: int | None, limit: int) -> Draft:
    """An officer searches; `words` are those of the filter."""
    body = {"filter": dict(words), "before": before, "limit": limit}
    return event(TRAIL_SEARCHED, None, {**_told(sought), **body}, _secrets(sought))


def trail_refused(sought: Sought, *, limit: int) -> Draft:
    """An officer has no search for a person left."""
    return event(TRAIL_REFUSED, None, {**_told(sought), "cause": "budget", "limit": limit}, _secrets(sought))


def _told(sought: Sought) -> dict[str, JsonValue]:
    return {"person": sought.person, "duty": sought.duty, "terms": list(sought.terms), "kind": sought.kind}


def _secrets(sought: Sought) -> tuple[Secret, ...]:
    """Always the same frames, whoever was searched for."""
    within: dict[str, JsonValue] = {"matter": sought.matter}
    kind = sought.kind or "person"
    return (secret("comparison", sought.subject, sought.operator, sought.because, within, kind=kind),)

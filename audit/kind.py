"""What a kind of event is."""

from collections.abc import Mapping

from msgspec import Struct


class Kind(Struct, frozen=True):
    """A kind of event, as `docs/audit-events.md` tells it: the members of its body and its disclosures."""

    type: str
    zh: str
    en: str
    body: Mapping[str, str]
    secrets: Mapping[str, str] = {}

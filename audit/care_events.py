"""Events about the log itself, each as a `Draft`. `audit/care_kinds.py` tells what they say."""

from collections.abc import Sequence

from msgspec import Struct

from audit.care_kinds import KEY_ENDED, KEY_TRUSTED, LOG_CLOSED, RETENTION_APPLIED
from audit.entry import JsonValue
from audit.events import Draft, event


class Decided(Struct, frozen=True):
    """By which deed something was decided, and who signed it."""

    deed: str
    by: Sequence[str]

    def members(self) -> dict[str, JsonValue]:
        """As entries say it."""
        return {"deed": self.deed, "by": list(self.by)}


def key_trusted(*, purpose: str, vkey: str, from_index: int, decided: Decided) -> Draft:
    """A key signs for this log from an index on."""
    body: dict[str, JsonValue] = {"purpose": purpose, "vkey": vkey, "from_index": from_index}
    return event(KEY_TRUSTED, None, body | decided.members())


def key_ended(*, purpose: str, vkey: str, until: int, successor: str, decided: Decided) -> Draft:
    """A key signs for this log no longer."""
    body: dict[str, JsonValue] = {"purpose": purpose, "vkey": vkey, "until": until, "successor": successor}
    return event(KEY_ENDED, None, body | decided.members())


def retention_applied(*, min_index: int, archive: str, deleted: int, decided: Decided) -> Draft:
    """Old bodies were deleted."""
    body: dict[str, JsonValue] = {"min_index": min_index, "archive": archive, "deleted": deleted}
    return event(RETENTION_APPLIED, None, body | decided.members())


def log_closed(*, successor: str, vkeys: Sequence[str], decided: Decided) -> Draft:
    """This is the last entry; another log goes on."""
    body: dict[str, JsonValue] = {"successor": successor, "vkeys": list(vkeys)}
    return event(LOG_CLOSED, None, body | decided.members())

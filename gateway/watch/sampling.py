"""Who is spot-checked: a keyed share of the subjects of grants that nothing but need bounds.

The lot depends on the key and the subject alone, not on what the register says: an answer that waits tells nothing. It
is the same whoever asks and for whatever, or two purposes would tell who is asked about by lot from who is protected.
The same subject is chosen again under a renewed grant, and by a larger share too. Protected
persons (重点人员) are always checked and their answers wait for an acceptance; so that waiting does not name them, a
share of those that were drawn waits for one, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set

from gateway.domain.grant import Grant, GrantClass
from gateway.watch.accounts import purpose_account
from gateway.watch.profile import expects_hits
from gateway.watch.thresholds import Thresholds

_WHOLE = 1 << 32
_UNBOUNDED = frozenset({GrantClass.OPEN, GrantClass.MATTER})
"""Nothing but need bounds them; the document of a matter is the decision that opened it."""


def share_of(grant: Grant, failed: Set[str], raised: Set[str], limits: Thresholds) -> float:
    """The share of a grant's new subjects that is spot-checked.

    `failed` are purposes for which one failed lately, whoever's; `raised` are accounts of one partner's purpose, of
    which more is checked for a cause of its own.
    """
    if not is_unbounded(grant):
        return 0.0
    if grant.purpose in failed or purpose_account(grant.partner, grant.purpose) in raised:
        return limits.check_raised
    return limits.check_share if expects_hits(grant) else limits.check_open_share


def is_unbounded(grant: Grant) -> bool:
    """Whether documents are asked for under a grant at all."""
    return grant.grant_class in _UNBOUNDED


def is_chosen(key: bytes, link: bytes, share: float) -> bool:
    """Whether a subject is among them."""
    return _lot(key, link, b"spot-check") < share * _WHOLE


def waits_for_acceptance(key: bytes, link: bytes, share: float) -> bool:
    """Whether the answer about a subject that was chosen waits until its document is accepted."""
    return _lot(key, link, b"acceptance") < share * _WHOLE


def _lot(key: bytes, link: bytes, person: bytes) -> int:
    drawn = hashlib.blake2b(link, key=key, person=person)
    return int.from_bytes(drawn.digest()[:4], "big")

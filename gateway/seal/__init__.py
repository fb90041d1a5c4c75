"""Sealing: a normalised value becomes a digest that only the same value of the same subject gives again.

The same code seals the register (`Sealer.record`) and a question about it (`Sealer.question`), so the two agree by
construction. Keys are derived by HKDF (RFC 5869) from one sealing key and never leave the processes that seal.

    link    = HMAC(k_link, kind, id)            long-lived; budgets and cohorts hold links
    unit    = HMAC(k_unit_name, code)           long-lived, 64 bits; the watch counts by it
    subject = HMAC(k_generation, link)          128 bits, used in one generation of the index alone
    own key = HMAC(k_field, subject)            of one subject, kept nowhere
    digest  = E(own key, H(form, field, value)) 64 bits of one block, as a signed integer

Ordered values and effective dates are sealed as nodes of a binary tree over their range: a value as its prefixes, an
interval as the few nodes that cover it. A value lies in an interval if the two share a node; nobody can read either.
Why a block cipher stands here and not a hash: docs/adr/0013.
"""

from gateway.seal.errors import SealingError
from gateway.seal.keys import Entropy, SealingKey
from gateway.seal.layout import UNIT_SLOTS, Layout
from gateway.seal.nodes import DAY_BITS, DAY_ZERO, END_OF_DAYS, cover, day_number
from gateway.seal.sealer import Sealer
from gateway.seal.values import Facts, Plain, Question

__all__ = [
    "DAY_BITS",
    "DAY_ZERO",
    "END_OF_DAYS",
    "UNIT_SLOTS",
    "Entropy",
    "Facts",
    "Layout",
    "Plain",
    "Question",
    "Sealer",
    "SealingError",
    "SealingKey",
    "cover",
    "day_number",
]

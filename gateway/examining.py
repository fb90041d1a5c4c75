"""Examining rulebooks before they are in force. With thousands of rules that takes a minute, so it happens outside
every transaction, and its outcome is kept for the moment when the last signature asks again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256

from audit.entry import JsonValue, encode
from audit.errors import AuditError
from gateway.deeds.document import MAX_DOCUMENT_BYTES, NO_FORM
from gateway.deeds.errors import DeedError
from policies.catalogue import Catalogue
from policies.problems import RulebookError
from policies.publication import Texts, examine

KEPT = 8
SHOWN = 50
Faults = tuple[str, ...]
Examine = Callable[[Mapping[str, object], Mapping[str, str]], Faults]
"""From the content of a rulebooks deed, and the department of each client, to what is wrong with it."""


class Examiner:
    """Remembers the outcome for a text and the clients it was examined for."""

    def __init__(self, examine: Examine) -> None:
        self._examine = examine
        self._kept: OrderedDict[bytes, Faults] = OrderedDict()

    def examine(self, content: Mapping[str, JsonValue], clients: Mapping[str, str]) -> None:
        """Takes as long as it takes. Raises `DeedError` that lists what is wrong."""
        named = _name(content, clients)
        faults = self._kept.get(named)
        if faults is None:
            faults = self._kept[named] = self._examine(content, clients)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        if faults:
            raise DeedError("规则册未通过检查，请改正：\n" + "\n".join(faults[:SHOWN]))

    def require(self, content: Mapping[str, JsonValue], clients: Mapping[str, str]) -> None:
        """Raises `DeedError` unless exactly this was examined, and passed."""
        if self._kept.get(_name(content, clients)) != ():
            raise DeedError("检查规则册期间登记的系统有变动，请重试")


def _name(content: Mapping[str, JsonValue], clients: Mapping[str, str]) -> bytes:
    try:
        return sha256(encode([content, dict(clients)], 2 * MAX_DOCUMENT_BYTES)).digest()
    except AuditError:
        raise DeedError(NO_FORM) from None


def faults_of(content: Mapping[str, object], clients: Mapping[str, str], catalogue: Catalogue) -> Faults:
    """What an examination finds to mend."""
    try:
        report = examine(Texts.of_content(content), catalogue, clients)
    except RulebookError as error:
        return tuple(str(problem) for problem in error.problems)
    return report.lines if report.lines or report.ok else ("没有规则，或没有对规则的预期",)

"""Publishing under load: four readers, a hundred swaps, and not one yes that no published version gives.

Plain Casbin reloaded under readers said yes thousands of times, because roles are cleared before they are rebuilt and
the deny that came through a role was gone meanwhile. Here the denies come through the department and through the tier
of all, and every answer must be whole: the fields of the version it names.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle, islice

from policies.decision import Permit
from policies.publication import Texts, load_texts
from policies.snapshot import Ask, Snapshot, compile_rules
from tests.policies.rules import BOOK, CATALOGUE, CLIENTS, MONDAY, UNITS

READERS, SWAPS = 4, 100

COMMON = """
department = "tier:all"
zh = "通则"
en = "General"
version = 1

[[rules]]
id = "TY-001"
effect = "deny"
fields = ["{denied}"]
operators = ["equals"]
purposes = ["*"]
window = "hours"
network = "office"
legal_basis = "某办法"
reason = "不必要"
"""

# What each version permits of the three fields that are asked: the rest an allow names and a role denies.
VERSIONS = {
    1: ("unit", "birth_month", frozenset({"name"})),
    2: ("name", "birth_month", frozenset({"unit"})),
    3: ("birth_month", "sex", frozenset({"name", "unit"})),
}
ASKED = ("name", "unit", "birth_month")
WHOLE: Mapping[int, frozenset[str]] = {number: permitted for number, (_, _, permitted) in VERSIONS.items()}


def version(number: int) -> Snapshot:
    """Read from its texts and compiled anew, as at every publication."""
    by_tier, by_department, _ = VERSIONS[number]
    book = BOOK.replace('["name", "unit"]', '["name", "unit", "birth_month"]')
    book = book.replace('classes = ["sensitivity-sensitive"]', f'fields = ["{by_department}"]')
    texts = Texts({"a.toml": book, "b.toml": COMMON.format(denied=by_tier)}, {}, UNITS)
    return compile_rules(load_texts(texts, CATALOGUE, CLIENTS, number=number, digest=f"{number:064}"))


class Readers:
    """Asks all the time of whatever is published, and keeps what is wrong."""

    def __init__(self, first: Snapshot) -> None:
        self.published = first
        self.done = threading.Event()
        self.false: list[tuple[int, frozenset[str]]] = []
        self.answers = [0] * READERS

    def read(self, place: int) -> None:
        """Ask from changing addresses, so that memos are met cold, warm and as they are emptied."""
        claims = tuple((field, "equals") for field in ASKED)
        for n in cycle(range(200)):
            if self.done.is_set():
                return
            ask = Ask("client:caizheng-pay-01", claims, "purpose:payroll-check", ("org:bureau-1",), f"10.0.{place}.{n}")
            found = self.published.judge(ask, MONDAY)
            if not isinstance(found, Permit) or found.fields != WHOLE[found.policy.number]:
                number = found.policy.number if found.policy else 0
                self.false.append((number, found.fields if isinstance(found, Permit) else frozenset()))
            self.answers[place] += 1


@contextmanager
def hasty_threads() -> Iterator[None]:
    """Threads give way to each other as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def test_every_answer_under_swaps_is_that_of_one_version() -> None:
    readers = Readers(version(1))
    threads = [threading.Thread(target=readers.read, args=(place,)) for place in range(READERS)]

    with hasty_threads():
        for thread in threads:
            thread.start()
        for number in islice(cycle(VERSIONS), SWAPS):
            readers.published = version(number)
        readers.done.set()
        for thread in threads:
            thread.join()

    assert readers.false == []
    assert all(count > SWAPS for count in readers.answers)

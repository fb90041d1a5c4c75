"""Department × field × comparator × purpose × scope × time × network × matter: exactly the allowed cells are allowed.

The oracle below reads the rulebooks' own text and knows nothing of loader, rows, Casbin or snapshot: it is the sentence
"some allow of the department fits, and no deny of the department or of everybody does", once for each cell.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from policies.decision import Permit
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.loader import SHIPPED_RULEBOOKS
from policies.publication import Texts, load_texts, read_texts
from policies.snapshot import Ask, compile_rules
from tests.policies.rules import CATALOGUE

SHANGHAI = ZoneInfo("Asia/Shanghai")
ABOVE: Mapping[str, str | None] = {
    "org:league": None,
    "org:banner-1": "org:league",
    "org:bureau-1": "org:banner-1",
    "org:banner-2": "org:league",
}
SHIPPED = read_texts(SHIPPED_RULEBOOKS, SHIPPED_EXPECTATIONS, ABOVE)

# What no preset uses: rules bound to units, to days, to a network of their own, and a deny over a class.
SCOPED = """
department = "dept:shenji"
zh = "审计局规则册"
en = "Audit office"
version = 1

[[purposes]]
id = "audit"
zh = "审计"
legal_basis = "《中华人民共和国审计法》"

[[networks]]
id = "audit-room"
zh = "审计专用"
cidrs = ["10.8.0.0/30", "2001:db8::/64"]

[[rules]]
id = "SJ-001"
effect = "allow"
fields = ["name", "org_strength"]
classes = ["sensitivity-public"]
operators = ["equals"]
purposes = ["audit", "payroll-check"]
units = ["org:banner-1"]
window = "office-hours"
network = "audit-room"
legal_basis = "《中华人民共和国审计法》"
reason = "审计"
valid_from = 2026-03-02
valid_to = 2026-03-06

[[rules]]
id = "SJ-002"
effect = "allow"
fields = ["org_strength", "unit"]
operators = ["equals"]
purposes = ["audit"]
window = "always"
network = "gov-extranet"
legal_basis = "《中华人民共和国审计法》"
reason = "审计"

[[rules]]
id = "SJ-901"
effect = "deny"
classes = ["person"]
operators = ["equals"]
purposes = ["*"]
units = ["org:bureau-1"]
window = "always"
network = "audit-room"
legal_basis = "《中华人民共和国审计法》"
reason = "不审计人员"
"""

VERSIONS = {
    "the shipped version": SHIPPED,
    "with a department bound to units and days": Texts({**SHIPPED.files, "shenji.toml": SCOPED}, {}, ABOVE),
}
DEPARTMENTS = ("zuzhi", "caizheng", "renshe", "shebao", "jijian", "shenji", "nobody")
NOTHING = frozenset[str]()
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPERATORS = ("equals", "at_least", "at_most", "unlike")
FIELDS = (*CATALOGUE.fields, "no-such-field")
UNITS = ("org:all", "org:league", "org:banner-1", "org:bureau-1", "org:banner-2", "org:elsewhere")
ADDRESSES = ("10.8.0.1", "::ffff:10.8.0.1", "10.8.0.9", "127.0.0.1", "203.0.113.9", "2001:db8::1")
TIMES = tuple(
    datetime.combine(day, at, SHANGHAI)
    for day, at in (
        (date(2026, 3, 2), time(8, 29, 59)),
        (date(2026, 3, 2), time(8, 30)),
        (date(2026, 3, 2), time(11, 59, 59)),
        (date(2026, 3, 2), time(12, 0)),
        (date(2026, 3, 6), time(17, 59)),
        (date(2026, 3, 7), time(10, 0)),
        (date(2026, 3, 9), time(10, 0)),
    )
)


class Line(NamedTuple):
    """One rule as the oracle remembers it: for whom its names fit is already settled."""

    effect: str
    fields: frozenset[str]
    network: str
    hours: tuple[str, ...]
    since: date
    until: date


class Oracle:
    """The rulebooks as written."""

    def __init__(self, texts: Texts) -> None:
        self._books = [tomllib.loads(text) for text in texts.files.values()]
        self._networks = {one["id"]: one["cidrs"] for one in self._all("networks")}
        self._windows = {one["id"]: one["times"] for one in self._all("windows")}
        self.purposes = (*(one["id"] for one in self._all("purposes")), "no-such-purpose")
        self.matters = {one["id"] for one in self._all("purposes") if one.get("matter", False)}

    def lines(self, department: str, op: str, purpose: str, where: str) -> list[Line]:
        """The rules whose names fit."""
        return [
            self._line(rule)
            for book in self._books
            if book["department"] in {f"dept:{department}", "tier:all"}
            for rule in book.get("rules", [])
            if op in rule["operators"] and {purpose, "*"} & {*rule["purposes"]} and _meets(rule, where)
        ]

    def allowed(self, lines: list[Line], at: datetime, address: str) -> frozenset[str]:
        """The fields that some allow allows and no deny denies, then and from there."""
        local, found = at.astimezone(SHANGHAI), {"allow": set[str](), "deny": set[str]()}
        for line in lines:
            day = line.since <= local.date() <= line.until
            if day and any(_within(hours, local) for hours in line.hours) and self._holds(line.network, address):
                found[line.effect] |= line.fields
        return frozenset(found["allow"] - found["deny"])

    def _all(self, kind: str) -> Iterator[Mapping[str, Any]]:
        return (one for book in self._books for one in book.get(kind, []))

    def _line(self, rule: Mapping[str, Any]) -> Line:
        days = rule.get("valid_from", date.min), rule.get("valid_to", date.max)
        return Line(rule["effect"], _fields(rule), rule["network"], tuple(self._windows[rule["window"]]), *days)

    def _holds(self, network: str, address: str) -> bool:
        return any(_lies_in(address, cidr) for cidr in self._networks[network])


def _meets(rule: Mapping[str, Any], where: str) -> bool:
    """An allow reaches down from its unit; a deny also up, to every scope that contains its unit."""
    named = rule.get("units", ["org:all"])
    down = any(unit in _upwards(where) for unit in named)
    return down or (rule["effect"] == "deny" and any(where in _upwards(unit) for unit in named))


@lru_cache
def _lies_in(address: str, cidr: str) -> bool:
    return ip_address(address.removeprefix("::ffff:")) in ip_network(cidr)


@lru_cache
def _upwards(unit: str) -> tuple[str, ...]:
    if unit == "org:all":
        return (unit,)
    return (unit, *_upwards(ABOVE[unit] or "org:all")) if unit in ABOVE else (unit,)


def _fields(rule: Mapping[str, Any]) -> frozenset[str]:
    named, classes = set(rule.get("fields", [])), rule.get("classes", [])
    for key, field in CATALOGUE.fields.items():
        if {field.kind, f"sensitivity-{field.sensitivity}", f"sharing-{field.sharing}", "any"} & {*classes}:
            named.add(key)
    return frozenset(named)


@lru_cache
def _within(text: str, local: datetime) -> bool:
    days, hours = text.split(" ")
    first, last = WEEK.index(days[:3]), WEEK.index(days[-3:])
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in hours.split("-"))
    return first <= local.weekday() <= last and start <= local.hour * 60 + local.minute < end


@pytest.mark.parametrize("texts", VERSIONS.values(), ids=VERSIONS)
def test_exactly_the_allowed_cells_are_allowed(texts: Texts) -> None:
    oracle = Oracle(texts)
    clients = {f"client:{name}-1": f"dept:{name}" for name in DEPARTMENTS}
    snapshot = compile_rules(load_texts(texts, CATALOGUE, clients, number=1, digest="00" * 32))
    cells, allowed = 0, 0

    for department, op, purpose, where in product(DEPARTMENTS, OPERATORS, oracle.purposes, UNITS):
        client, claims = f"client:{department}-1", tuple((key, op) for key in FIELDS)
        lines = oracle.lines(department, op, purpose, where)
        for at, address, matter in product(TIMES, ADDRESSES, (True, False) if purpose in oracle.matters else (False,)):
            found = snapshot.judge(Ask(client, claims, f"purpose:{purpose}", (where,), address, matter), at)
            permitted = found.fields if isinstance(found, Permit) else NOTHING
            told = matter or purpose not in oracle.matters
            assert permitted == (oracle.allowed(lines, at, address) if told else NOTHING), (client, op, purpose, at)
            cells, allowed = cells + len(FIELDS), allowed + len(permitted)

    assert cells > 3_000_000
    assert 0 < allowed < cells / 50

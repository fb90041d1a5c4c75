"""A policy of any size for benchmarks: rulebooks as files, so that they take the way that real ones take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from policies.catalogue import Catalogue, Field

_PURPOSES = 20
_COMMON = """department = "tier:all"
zh = "压测通则"
en = "General part of the benchmark"
version = 1
[[networks]]
id = "everywhere"
zh = "任何地址"
cidrs = ["0.0.0.0/0", "::/0"]
[[windows]]
id = "always"
zh = "任何时间"
times = ["mon-sun 00:00-24:00"]
"""
_HEAD = """department = "dept:{department}"
zh = "压测规则册"
en = "Benchmark"
version = 1
"""
_PURPOSE = """[[purposes]]
id = "{purpose}"
zh = "压测用途"
legal_basis = "压测"
"""
_RULE = """[[rules]]
id = "{department}-{number}"
effect = "allow"
fields = ["{field}"]
operators = ["equals"]
purposes = ["{purpose}"]
window = "always"
network = "everywhere"
legal_basis = "压测"
reason = "压测"
"""

_TABLE = """department = "dept:{department}"
client = "client:{department}-table"
zh = "压测部门"
at = 2026-03-02T10:00:00+08:00
address = "10.8.0.5"
unit = "org:all"
"""
_MAY = """[[may]]
purpose = "{purpose}"
fields = {fields}
operators = ["equals"]
"""


def write_expectations(folder: Path, rules: int, catalogue: Catalogue, departments: int = 10) -> None:
    """Write the tables that expect exactly what `write_rulebooks` permits."""
    folder.mkdir(exist_ok=True)
    for number in range(departments):
        department, share = f"bench-{number}", rules // departments + (number < rules % departments)
        text = "".join(_table(department, share, list(catalogue.fields.values())))
        (folder / f"{department}.toml").write_text(text, "utf-8")


def write_rulebooks(folder: Path, rules: int, catalogue: Catalogue, departments: int = 10) -> None:
    """Write rulebooks that flatten to so many rules in all, spread over departments `bench-0`, `bench-1`, …

    Department n has the purposes `bench-n-0`, `bench-n-1`, … and may compare every field for as many of them as the
    rules last, so that an ask of the first purpose meets one rule a field among all the others.
    """
    (folder / "common.toml").write_text(_COMMON, "utf-8")
    for number in range(departments):
        share = rules // departments + (number < rules % departments)
        text = "".join(_book(f"bench-{number}", share, list(catalogue.fields.values())))
        (folder / f"bench-{number}.toml").write_text(text, "utf-8")


def _book(department: str, rules: int, fields: list[Field]) -> Iterator[str]:
    yield _HEAD.format(department=department)
    yield from (_PURPOSE.format(purpose=purpose) for purpose in _purposes(department))
    for number, (purpose, field) in enumerate(_pairs(department, rules, fields)):
        yield _RULE.format(department=department, number=number, field=field, purpose=purpose)


def _table(department: str, rules: int, fields: list[Field]) -> Iterator[str]:
    yield _TABLE.format(department=department)
    expected: dict[str, set[str]] = {}
    for purpose, field in _pairs(department, rules, fields):
        expected.setdefault(purpose, set()).add(field)
    for purpose, keys in expected.items():
        yield _MAY.format(purpose=purpose, fields=json.dumps(sorted(keys)))


def _purposes(department: str) -> list[str]:
    return [f"{department}-{number}" for number in range(_PURPOSES)]


def _pairs(department: str, rules: int, fields: list[Field]) -> Iterator[tuple[str, str]]:
    return islice(cycle((purpose, field.key) for purpose in _purposes(department) for field in fields), rules)

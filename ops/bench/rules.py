"""A policy of any size for benchmarks: rulebooks as files, so that they take the way that real ones take."""

from __future__ import annotations

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
    purposes = [f"{department}-{number}" for number in range(_PURPOSES)]
    yield from (_PURPOSE.format(purpose=purpose) for purpose in purposes)
    pairs = islice(cycle((purpose, field.key) for purpose in purposes for field in fields), rules)
    for number, (purpose, field) in enumerate(pairs):
        yield _RULE.format(department=department, number=number, field=field, purpose=purpose)

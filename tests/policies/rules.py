"""Rules for tests: a small rulebook as text to break on purpose, and random flat rules, models and asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from policies.casbin_model import MODEL_FILE
from policies.catalogue import load_catalogue
from policies.conditions import Period, Span, first_minute, parse_block, parse_times
from policies.decision import PolicyVersion
from policies.loader import load_rulebooks
from policies.rows import PolicyRow, Rules
from policies.snapshot import Ask

CATALOGUE = load_catalogue()
CLIENTS = {"client:caizheng-pay-01": "dept:caizheng"}
UNITS: Mapping[str, str | None] = {"org:league": None, "org:banner-1": "org:league", "org:bureau-1": "org:banner-1"}
MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai

BOOK = """
department = "dept:caizheng"
zh = "财政局规则册"
en = "Finance"
version = 3

[[purposes]]
id = "payroll-check"
zh = "工资统发核对"
legal_basis = "某办法"

[[networks]]
id = "office"
zh = "办公网"
cidrs = ["10.0.0.0/8"]

[[windows]]
id = "hours"
zh = "工作时间"
times = ["mon-fri 08:30-17:30"]

[[rules]]
id = "CZ-001"
effect = "allow"
fields = ["name", "unit"]
operators = ["equals"]
purposes = ["payroll-check"]
units = ["org:league"]
window = "hours"
network = "office"
legal_basis = "某办法"
reason = "发薪前核对"

[[rules]]
id = "CZ-002"
effect = "deny"
classes = ["sensitivity-sensitive"]
operators = ["equals", "at_least", "at_most"]
purposes = ["*"]
window = "hours"
network = "office"
legal_basis = "某办法"
reason = "不必要"
"""


def load(
    folder: Path,
    *texts: str,
    clients: Mapping[str, str] = CLIENTS,
    units: Mapping[str, str | None] = UNITS,
) -> Rules:
    """The rules of these texts, written to files a.toml, b.toml, …"""
    for name, text in zip("abcdef", texts, strict=False):
        (folder / f"{name}.toml").write_text(text, "utf-8")
    return load_rulebooks(folder, CATALOGUE, clients=clients, units=units)


def an_ask(*fields: str) -> Ask:
    """Client a asks about one bureau, from its office, for purpose p."""
    claims = tuple((field, "equals") for field in fields)
    return Ask("client:a", claims, "purpose:p", ("org:111",), "10.1.2.3")


_MARCH_2 = first_minute(MONDAY.date())
WORLD = Rules(
    policy=(),
    clients=(("client:a", "dept:x"), ("client:b", "dept:y"), ("dept:x", "tier:all"), ("dept:y", "tier:all")),
    units=(("org:1", "org:all"), ("org:11", "org:1"), ("org:111", "org:11"), ("org:12", "org:1")),
    fields=(
        ("field:f", "class:low"),
        ("field:g", "class:high"),
        ("class:low", "class:any"),
        ("class:high", "class:any"),
    ),
    periods={
        "win:always": Period(parse_times("mon-sun 00:00-24:00")),
        "win:hours": Period(parse_times("mon-fri 08:30-17:30")),
        "win:two-days": Period((Span(0, 7 * 24 * 60),), _MARCH_2, _MARCH_2 + 2 * 24 * 60),
    },
    networks={
        "net:any": (parse_block("0.0.0.0/0"), parse_block("::/0")),
        "net:office": (parse_block("10.0.0.0/8"), parse_block("2001:db8::/32")),
    },
    version=PolicyVersion(1, "00" * 32),
)
"""A small world of two departments, five units and two fields, without a rule."""


def flat(*rows: PolicyRow) -> Rules:
    """The small world with these rows."""
    return replace(WORLD, policy=rows)


def a_row(id_: str = "R-1", eft: str = "allow") -> PolicyRow:
    """A row that `an_ask("f")` meets."""
    return PolicyRow(id_, "dept:x", "org:1", "field:f", "equals", "purpose:p", "win:always", "net:any", eft)


def mostly(*usual: str, seldom: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Names drawn so that most asks meet most rules: a property over refusals alone would prove little."""
    return st.sampled_from([name for name in usual for _ in range(1 + 3 * len(seldom) // len(usual))] + [*seldom])


def _rows(eft: str, *purposes: str) -> st.SearchStrategy[PolicyRow]:
    return st.builds(
        PolicyRow,
        id=st.sampled_from(["R-1", "R-2", "R-3"]),
        role=mostly("dept:x", "tier:all", seldom=("dept:y",)),
        org=mostly("org:all", "org:1", "org:11", seldom=("org:111", "org:12")),
        field=mostly("field:f", "field:g", "class:low", "class:any", seldom=("class:high",)),
        op=mostly("equals", seldom=("at_least",)),
        purpose=mostly(*purposes, seldom=("purpose:q",)),
        window=mostly("win:always", seldom=("win:hours", "win:two-days")),
        net=mostly("net:any", seldom=("net:office",)),
        eft=st.just(eft),
    )


ALLOW_ROWS = _rows("allow", "purpose:p")
DENY_ROWS = _rows("deny", "purpose:p", "*")

_NODES = ["org:1", "org:11", "org:111", "org:12"]


@st.composite
def trees(draw: st.DrawFn) -> tuple[tuple[str, str], ...]:
    """Random links between the units, without a circle: each unit stands under one named before it."""
    above = ["org:all", *_NODES]
    return tuple((node, draw(st.sampled_from(above[: place + 1]))) for place, node in enumerate(_NODES))


@st.composite
def worlds(draw: st.DrawFn) -> Rules:
    """Random rules over the small world, on a random tree of units."""
    allows = draw(st.lists(ALLOW_ROWS, min_size=draw(st.sampled_from([0, 4, 8])), max_size=12, unique=True))
    denies = draw(st.just([]) | st.lists(DENY_ROWS, max_size=3, unique=True))
    matters = draw(st.sampled_from([frozenset[str](), frozenset({"purpose:q"}), frozenset({"purpose:p"})]))
    return replace(WORLD, policy=(*allows, *denies), units=draw(trees()), matters=matters)


ASKS = st.builds(
    Ask,
    client=mostly("client:a", seldom=("client:b", "client:unknown", "dept:x", "")),
    claims=st.lists(
        st.tuples(mostly("f", "g", seldom=("unknown",)), mostly("equals", seldom=("at_least",))), min_size=1, max_size=3
    ).map(tuple),
    purpose=mostly("purpose:p", seldom=("purpose:q", "purpose:unknown", "*", "")),
    units=st.lists(
        mostly("org:111", "org:11", "org:12", seldom=("org:1", "org:all", "org:elsewhere")), min_size=1, max_size=2
    ).map(tuple),
    address=mostly("10.1.2.3", "::ffff:10.9.9.9", seldom=("203.0.113.9", "2001:db8::1", "nowhere")),
    matter=st.sampled_from([True, True, True, False]),
)
INSTANTS = st.datetimes(datetime(2026, 2, 27), datetime(2026, 3, 9), timezones=st.just(UTC))  # noqa: DTZ001 - bounds

_SHAPES = {
    "equality": "r.{0} == p.{1}",
    "wildcard": "(p.{1} == '*' || r.{0} == p.{1})",
    "g": "g(r.{0}, p.{1})",
    "g2": "g2(r.{0}, p.{1})",
    "g3": "g3(r.{0}, p.{1})",
}


@st.composite
def models(draw: st.DrawFn) -> str:
    """A random model of the supported shape: any shape for any column, in any order, spaced as anybody likes."""
    pairs = [("sub", "role"), ("org", "org"), ("field", "field"), ("op", "op"), ("purpose", "purpose")]
    usual = {"sub": "g", "org": "g2", "field": "g3", "op": "equality", "purpose": "wildcard"}
    parts = [_SHAPES[draw(mostly(usual[asked], seldom=tuple(_SHAPES)))].format(asked, ruled) for asked, ruled in pairs]
    parts += ["inWindow(r.env, p.window)", "inNet(r.env, p.net)"]
    joint = draw(st.sampled_from([" && ", "  &&  "]))
    return model_with(joint.join(draw(st.permutations(parts))))


def model_with(matcher: str) -> str:
    """The shipped model with another matcher."""
    lines = MODEL_FILE.read_text("utf-8").splitlines()
    return "\n".join(f"m = {matcher}" if line.startswith("m = ") else line for line in lines)

"""The strict loader in front of Casbin: rulebook files in, flat rules out, or a list of all that must be mended.

What it refuses is listed in `policies.problems`; each was seen to lose a deny or to widen an allow in silence.
Names from outside come as maps: `clients` says the department of each client (`client:…` to `dept:…`), `units`
the unit above each unit (`org:…` to `org:…`, or `None` at the top). Above every top stands `org:all`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Final

from policies.catalogue import Catalogue, Comparator, Sensitivity, Sharing
from policies.conditions import Block, Period, first_minute
from policies.decision import PolicyVersion
from policies.files import File, read_files, read_folder
from policies.problems import FlawError, Pitfall, Problem, RulebookError
from policies.rows import Link, PolicyRow, Rules, digest_of
from policies.rulebook import (
    ALL_UNITS,
    EVERY_PURPOSE,
    EVERYBODY,
    Effect,
    Network,
    Purpose,
    Rule,
    Rulebook,
    Window,
    read_rulebook,
)
from policies.strict import kind_name

ANY_CLASS: Final = "any"
SHIPPED_RULEBOOKS: Final = Path(__file__).parent / "data" / "rulebooks"


@dataclass(frozen=True)
class _Names:
    """All names a rule may use."""

    catalogue: Catalogue
    classes: frozenset[str]
    units: frozenset[str]
    purposes: Mapping[str, Purpose]
    networks: Mapping[str, Network]
    windows: Mapping[str, Window]


def load_rulebooks(
    source: Path | Iterable[Path],
    catalogue: Catalogue,
    *,
    clients: Mapping[str, str],
    units: Mapping[str, str | None],
) -> Rules:
    """The rules of a folder of rulebooks, or of the files given: see `load_files`."""
    files = read_folder(source) if isinstance(source, Path) else read_files(source)
    return load_files(files, catalogue, clients=clients, units=units)


def load_files(
    files: Iterable[File],
    catalogue: Catalogue,
    *,
    clients: Mapping[str, str],
    units: Mapping[str, str | None],
    version: PolicyVersion | None = None,
) -> Rules:
    """The rules of these files, under the version they were published as.

    Raises `RulebookError` with every problem of every file. No file or no rule is no error: it permits nothing.
    Without a version the number is the sum of the rulebooks' own, the digest that of all that decides.
    """
    books, problems = _read(files)
    names = _names(books, catalogue, units)
    problems += [*_repeated(books), *_outside(clients, units)]
    problems += [problem for book in books for rule in book.rules for problem in _check(rule, book, names)]
    if problems:
        raise RulebookError(tuple(problems))
    return _flatten(books, names, clients, units, version)


def classes_of(catalogue: Catalogue) -> tuple[str, ...]:
    """The classes that a rule may name instead of fields, also those to which no field belongs yet."""
    sensitivities = (f"sensitivity-{level}" for level in Sensitivity)
    return (*catalogue.kinds, *sensitivities, *(f"sharing-{attribute}" for attribute in Sharing))


def _read(files: Iterable[File]) -> tuple[tuple[Rulebook, ...], list[Problem]]:
    read = [read_rulebook(file) for file in files]
    books = tuple(book for book, _ in read if book is not None)
    return books, [problem for _, problems in read for problem in problems]


def _names(books: tuple[Rulebook, ...], catalogue: Catalogue, units: Mapping[str, str | None]) -> _Names:
    return _Names(
        catalogue=catalogue,
        classes=frozenset(classes_of(catalogue)) | {ANY_CLASS},
        units=frozenset(units.keys() | {ALL_UNITS}),
        purposes={purpose.id: purpose for book in books for purpose in book.purposes},
        networks={network.id: network for book in books for network in book.networks},
        windows={window.id: window for book in books for window in book.windows},
    )


def _repeated(books: tuple[Rulebook, ...]) -> Iterator[Problem]:
    """Whatever is named is named once over all files, so that nobody changes another's words."""
    named = [(book.file, "department", book.department) for book in books]
    for book in books:
        named += [(book.file, "rule", rule.id) for rule in book.rules]
        named += [(book.file, "purpose", purpose.id) for purpose in book.purposes]
        named += [(book.file, "network", network.id) for network in book.networks]
        named += [(book.file, "window", window.id) for window in book.windows]
    count = Counter((kind, name) for _, kind, name in named)
    for file, kind, name in named:
        if count[kind, name] > 1:
            yield Problem(file, name, Pitfall.DUPLICATE, kind)


def _outside(clients: Mapping[str, str], units: Mapping[str, str | None]) -> Iterator[Problem]:
    for client, department in clients.items():
        yield from _kinds("clients", (client, "client"), (department, "dept"))
    for unit, parent in units.items():
        yield from _kinds("units", (unit, "org"), (parent or unit, "org"))
        if parent is not None and parent not in units:
            yield Problem("units", unit[:64], Pitfall.UNKNOWN_NAME, parent)
        if unit == ALL_UNITS:
            yield Problem("units", unit, Pitfall.DUPLICATE, unit)


def _kinds(source: str, *pairs: tuple[str, str]) -> Iterator[Problem]:
    for word, kind in pairs:
        try:
            kind_name(word, kind)
        except FlawError as flaw:
            yield Problem(source, word[:64], flaw.pitfall, flaw.detail)


def _check(rule: Rule, book: Rulebook, names: _Names) -> Iterator[Problem]:
    known = (
        (rule.fields, names.catalogue.fields),
        (rule.classes, names.classes),
        (rule.operators, list(Comparator)),
        ([purpose for purpose in rule.purposes if purpose != EVERY_PURPOSE], names.purposes),
        (rule.units, names.units),
        ([rule.window], names.windows),
        ([rule.network], names.networks),
    )
    for used, there in known:
        for word in used:
            if word not in there:
                yield Problem(book.file, rule.id, Pitfall.UNKNOWN_NAME, word)
    if rule.effect is Effect.ALLOW:
        yield from _check_allow(rule, book, names)


def _check_allow(rule: Rule, book: Rulebook, names: _Names) -> Iterator[Problem]:
    wide = {
        "department": book.department == EVERYBODY,
        "purposes": EVERY_PURPOSE in rule.purposes,
        "classes": ANY_CLASS in rule.classes,
    }
    for key in (key for key, is_wide in wide.items() if is_wide):
        yield Problem(book.file, rule.id, Pitfall.WIDE_ALLOW, key)
    for key, operator in product(rule.fields, rule.operators):
        field = names.catalogue.fields.get(key)
        if field is not None and operator in list(Comparator) and operator not in field.comparators:
            yield Problem(book.file, rule.id, Pitfall.OPERATOR, f"{key} {operator}")


def _flatten(
    books: tuple[Rulebook, ...],
    names: _Names,
    clients: Mapping[str, str],
    units: Mapping[str, str | None],
    version: PolicyVersion | None,
) -> Rules:
    policy: list[PolicyRow] = []
    periods: dict[str, Period] = {}
    for book in books:
        for rule in book.rules:
            window, period = _period(rule, names.windows[rule.window])
            periods[window] = period
            policy += _rows(rule, book.department, window)
    departments = {*clients.values(), *(book.department for book in books)} - {EVERYBODY}
    client_links = (*sorted(clients.items()), *((department, EVERYBODY) for department in sorted(departments)))
    unit_links = tuple((unit, parent or ALL_UNITS) for unit, parent in sorted(units.items()))
    field_links = tuple(_field_links(names.catalogue))
    networks: dict[str, tuple[Block, ...]] = {f"net:{name}": network.blocks for name, network in names.networks.items()}
    matters = frozenset(f"purpose:{purpose.id}" for purpose in names.purposes.values() if purpose.matter)
    if version is None:
        digest = digest_of(policy, (client_links, unit_links, field_links), periods, networks, matters)
        version = PolicyVersion(sum(book.version for book in books), digest)
    return Rules(
        policy=tuple(sorted(policy)),
        clients=client_links,
        units=unit_links,
        fields=field_links,
        periods=MappingProxyType(periods),
        networks=MappingProxyType(networks),
        version=version,
        matters=matters,
        books=books,
    )


def _period(rule: Rule, window: Window) -> tuple[str, Period]:
    """The hours and days of a rule under one name: the model has one column for both."""
    if rule.valid_from is None and rule.valid_to is None:
        return f"win:{window.id}", Period(window.spans)
    start = first_minute(rule.valid_from) if rule.valid_from else None
    end = first_minute(rule.valid_to) + 24 * 60 if rule.valid_to else None  # valid_to itself belongs to it
    return f"win:{window.id}@{rule.valid_from or ''}_{rule.valid_to or ''}", Period(window.spans, start, end)


def _rows(rule: Rule, role: str, window: str) -> Iterator[PolicyRow]:
    fields = [f"field:{key}" for key in rule.fields] + [f"class:{name}" for name in rule.classes]
    purposes = [word if word == EVERY_PURPOSE else f"purpose:{word}" for word in rule.purposes]
    for org, field, op, purpose in product(rule.units, fields, rule.operators, purposes):
        yield PolicyRow(rule.id, role, org, field, op, purpose, window, f"net:{rule.network}", rule.effect.value)


def _field_links(catalogue: Catalogue) -> Iterator[Link]:
    for key, field in sorted(catalogue.fields.items()):
        for name in (field.kind, f"sensitivity-{field.sensitivity}", f"sharing-{field.sharing}"):
            yield f"field:{key}", f"class:{name}"
    for name in classes_of(catalogue):
        yield f"class:{name}", f"class:{ANY_CLASS}"

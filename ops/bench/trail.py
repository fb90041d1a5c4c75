"""What the officers' search costs: how fast the index grows, how large it is, and how long each kind of search takes.

The ledger is written by the product's own ledger from made-up comparisons and kept in the work folder; the index is
made anew each time. Times are of whole searches by the searcher: found, read, hashed, opened where that is asked.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import text

from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.keys.tokens import TokenKeyFiles
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.schema import create
from adapters.sql.store import SqlStore
from adapters.sql.trail_reader import SqlTrailReader
from audit.events import (
    Asked,
    DataRef,
    Draft,
    Inner,
    PolicyRef,
    answered,
    comparison_refused,
    log_opened,
    outcome,
    terms,
)
from audit.ledger import Ledger
from audit.tokens import Tokens
from gateway.review.bygone import first_since
from gateway.trail.asking import Filter, choices_of
from gateway.trail.indexing import LARGE_PORTION, Indexer
from gateway.trail.opening import Found, Opener
from gateway.trail.ports import Choice, Span
from gateway.trail.searching import Page, Searcher, Wanted
from gateway.trail.words import MATTER, OPERATOR, SUBJECT
from ops.bench.figures import Check, Figure, Report

LATENCY_LIMIT_MS = 1000.0
PARTNERS, GRANTS, PURPOSES, OPERATORS, MATTERS = 40, 200, 12, 400, 5_000
PERSONS_PER_ENTRY = 0.2
REFUSED = 0.1
REASONS = ("not_permitted", "quota", "held", "frozen", "stale_data")
NETWORKS = ("gov_extranet", "office", "far")
_BATCH, _LIMIT = 256, 50
_START = datetime(2026, 1, 5, tzinfo=UTC)
_SPREAD = timedelta(days=120)
_POLICY, _DATA = PolicyRef(7, "ab" * 32), DataRef("cd" * 32, "2026-01-01T00:00:00Z")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many entries, and how often each kind of search is made."""

    entries: int
    searches: int = 20


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The search over one made-up ledger."""

    log: SqlLedgerReader
    reader: SqlTrailReader
    store: SqlStore
    tokens: Tokens
    opener: Opener
    ledger: Ledger

    def close(self) -> None:
        for each in (self.log, self.reader, self.store):
            each.close()


def measure(work: Path, sizes: Sizes) -> Report:
    """Index a ledger of that size, and search it."""
    folder = work / f"trail-{sizes.entries}"
    url = f"sqlite:///{folder / 'control.sqlite'}"
    with closing(_open(folder, url)) as parts:
        _fill(parts, sizes)
        before = _bytes(url)
        indexed = _index(parts)
        size = (_bytes(url) - before) / sizes.entries
        searches = _search_all(parts, sizes)
    growth = {
        "entries a second": Figure.once(sizes.entries / indexed),
        "bytes an entry": Figure.once(size),
        "bytes of the rest an entry": Figure.once(before / sizes.entries),
    }
    tables = {"index": growth, "milliseconds a search": searches}
    worst = max(figure.most for figure in searches.values())
    checks = [Check("slowest p95 of a search, ms", worst, most=LATENCY_LIMIT_MS)]
    return Report(part="trail", sizes=asdict(sizes), tables=tables, checks=checks)


def _open(folder: Path, url: str) -> _Parts:
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(url)
    create(engine)
    engine.dispose()
    tokens = Tokens(TokenKeyFiles(folder / "search", None, os.urandom))
    keys = DisclosureKeyFiles(folder / "disclosure", None, os.urandom)
    return _Parts(
        log=SqlLedgerReader.open(url),
        reader=SqlTrailReader.open(url),
        store=SqlStore(url),
        tokens=tokens,
        opener=Opener(keys, tokens),
        ledger=Ledger(node="bench", keys=keys, entropy=os.urandom),
    )


def _fill(parts: _Parts, sizes: Sizes) -> None:
    """Writes what is missing, and takes an old index away."""
    done = parts.log.head().size
    for start in range(done, sizes.entries, _BATCH):
        many = range(start, min(start + _BATCH, sizes.entries))
        drafts = [_draft(number, sizes.entries) for number in many]
        with parts.store.begin() as work:
            parts.ledger.append(work.ledger, drafts, _START + _SPREAD * (start / sizes.entries))
            work.commit()
    with parts.store.begin() as work:
        work.trail.clear(work.trail.cursor()._replace(upto=0))
        work.commit()


def _index(parts: _Parts) -> float:
    indexer = Indexer(
        ledger=parts.log,
        reader=parts.reader,
        store=parts.store,
        opener=parts.opener,
        seconds=time.monotonic,
        rest=lambda: None,
        portion=LARGE_PORTION,
    )
    started = time.perf_counter()
    indexer.catch_up()
    return time.perf_counter() - started


def _bytes(url: str) -> int:
    """Pages in use: what a clear left free is filled again first."""
    engine = open_engine(url)
    with engine.connect() as connection:
        pages, free, size = (
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
    engine.dispose()
    return int((pages - free) * size)


# ---------------------------------------------------------------------------------------- made-up comparisons


def _number(person: int) -> str:
    return f"{person:018d}"


def _draft(number: int, entries: int) -> Draft:
    if number == 0:
        return log_opened(origin="bench", vkeys=["bench"])
    draw = random.Random(number)
    grant = int(GRANTS * draw.random() ** 2)
    inner = Inner(cause="confirmed", budgets={"d": (7, 8), "m": (70, 71)})
    asked = _asked(draw, grant, entries)
    told = {"unit": draw.choice(["match", "match", "match", "mismatch"]), "post": "match"}
    if draw.random() < REFUSED:
        return comparison_refused(
            asked,
            inner,
            policy=_POLICY,
            data=_DATA,
            counts={"claims": 2},
            reason=draw.choices(REASONS, (80, 10, 5, 4, 1))[0],
            incident=f"{number:016x}",
            response_sha256="34" * 32,
        )
    subject = "confirmed" if draw.random() < 0.9 else "not_confirmed"
    return answered(
        terms(asked, rules=("r-1",), policy=_POLICY, data=_DATA, counts={"claims": 2}),
        inner,
        subject=asked.subject,
        operator=asked.operator,
        matter=asked.matter,
        told=subject,
        outcome=outcome(subject, told),
        request_sha256="12" * 32,
        response_sha256="34" * 32,
    )


def _asked(draw: random.Random, grant: int, entries: int) -> Asked:
    partner = grant % PARTNERS
    return Asked(
        partner=f"p-{partner}",
        client=f"p-{partner}-sys-{draw.randrange(2)}",
        grant=f"2026-{grant:03}",
        purpose=f"purpose-{grant % PURPOSES}",
        kind="person",
        fields=(("unit", "equals"), ("post", "equals")),
        as_of=None,
        network=draw.choices(NETWORKS, (90, 9, 1))[0],
        request_sha256="12" * 32,
        subject=_number(draw.randrange(max(1, int(entries * PERSONS_PER_ENTRY)))),
        operator=f"op-{draw.randrange(OPERATORS)}",
        matter=f"M-{draw.randrange(MATTERS)}" if draw.random() < 0.3 else None,
    )


# ---------------------------------------------------------------------------------------- searches

Make = Callable[[random.Random], tuple[Mapping[str, tuple[str, ...]], tuple[tuple[str, str], ...]]]


def _kinds(entries: int) -> Mapping[str, Make]:
    def words(**named: str) -> tuple[Mapping[str, tuple[str, ...]], tuple[tuple[str, str], ...]]:
        return {name: (each,) for name, each in named.items()}, ()

    persons = max(1, int(entries * PERSONS_PER_ENTRY))
    return {
        "everything": lambda _: words(),
        "department": lambda draw: words(partner=f"p-{draw.randrange(PARTNERS)}"),
        "grant": lambda draw: words(grant=f"2026-{draw.randrange(GRANTS):03}"),
        "purpose": lambda draw: words(purpose=f"purpose-{draw.randrange(PURPOSES)}"),
        "outcome": lambda draw: words(outcome=draw.choice(["confirmed", "not_confirmed", "mismatch", "refused"])),
        "refusal reason": lambda draw: words(reason=draw.choice(REASONS)),
        "source network": lambda draw: words(network=draw.choice(NETWORKS)),
        "entry type": lambda draw: words(type=draw.choice(["comparison.refused", "log.opened"])),
        "incident": lambda draw: words(incident=f"{draw.randrange(entries):016x}"),
        "department and outcome": lambda draw: words(partner=f"p-{draw.randrange(PARTNERS)}", outcome="refused"),
        "four words": lambda draw: words(
            partner="p-1", purpose="purpose-1", outcome="mismatch", network=draw.choice(NETWORKS)
        ),
        "two that never meet": lambda draw: words(outcome="confirmed", reason=draw.choice(REASONS)),
        "person": lambda draw: ({}, ((OPERATOR, f"op-{draw.randrange(OPERATORS)}"),)),
        "person and department": lambda draw: (
            {"partner": (f"p-{draw.randrange(PARTNERS)}",)},
            ((OPERATOR, f"op-{draw.randrange(OPERATORS)}"),),
        ),
        "matter": lambda draw: ({}, ((MATTER, f"M-{draw.randrange(MATTERS)}"),)),
        "subject number": lambda draw: ({}, ((SUBJECT, _number(draw.randrange(persons))),)),
    }


def _search_all(parts: _Parts, sizes: Sizes) -> dict[str, Figure]:
    """Of each kind the median, the fastest, and the 95th percentile in place of the slowest."""
    searcher = Searcher(reader=parts.reader, opener=parts.opener, floor=lambda: 0, seconds=time.monotonic)
    figures: dict[str, Figure] = {}
    whole = Span(0, sizes.entries)
    for name, make in _kinds(sizes.entries).items():
        wanted = list(_wanted(parts, make, sizes.searches))
        figures[name] = _timed([lambda each=each: searcher.search(each, whole, _LIMIT) for each in wanted])  # type: ignore[misc]  # mypy knows no defaults of a lambda
    days = [_START + _SPREAD * (n / sizes.searches) for n in range(sizes.searches)]
    anything = Wanted(choices=tuple(choices_of({"outcome": ("mismatch",)})), filter=Filter())

    def of_a_day(day: datetime) -> Page:
        span = Span(first_since(parts.log, day), first_since(parts.log, day + timedelta(days=1)))
        return searcher.search(anything, span, _LIMIT)

    figures["time, and outcome"] = _timed([lambda day=day: of_a_day(day) for day in days])  # type: ignore[misc]  # the same
    deep = Span(0, sizes.entries // 2)
    figures["outcome, a page far back"] = _timed([lambda: searcher.search(anything, deep, _LIMIT)] * sizes.searches)
    return figures


def _wanted(parts: _Parts, make: Make, times: int) -> Iterator[Wanted]:
    draw = random.Random(7)
    for _ in range(times):
        words, hidden = make(draw)
        found = frozenset(_found(parts.tokens, *each) for each in hidden)
        tokens = [Choice(tokens=tuple(parts.tokens.everywhere(*each))) for each in found]
        yield Wanted(choices=(*tokens, *choices_of(words)), filter=Filter(words=words), terms=found)


def _found(tokens: Tokens, name: str, value: str) -> Found:
    kinds = {SUBJECT: "person", OPERATOR: OPERATOR}
    return Found(name, tokens.point(kinds[name], value).text if name in kinds else value)


def _timed(searches: Sequence[Callable[[], Page]]) -> Figure:
    times: list[float] = []
    for search in searches:
        started = time.perf_counter()
        search()
        times.append((time.perf_counter() - started) * 1000)
    return Figure(median(times), min(times), quantiles(times, n=20)[-1])

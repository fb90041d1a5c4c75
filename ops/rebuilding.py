"""`bidui audit rebuild`: budgets from the ledger, after the control database was restored. Serve is stopped meanwhile.

A restored copy agrees with itself: budgets, rights, freezes and entries were committed together. So where nothing that
was signed is lost, counting anew only shows whether somebody changed a counter. Where entries are lost, nobody knows
what they allowed: each grant's budget of each day from the last entry on counts as spent, and the log cannot go on,
because its checkpoints speak of entries that are no more. It is succeeded by another one (`ops.succession`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from adapters.keys.files import Passphrase
from adapters.newest_rights import FileNewest
from adapters.sql.deeds import DeedTable
from adapters.sql.engine import driver_connection, open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.recounting import Counts, differing, replace_counts
from adapters.sql.store import SqlStore
from audit.disclosure import DisclosureKeys, unpack, unseal
from audit.entry import JsonValue, decode
from audit.errors import LedgerError
from audit.kinds import COMPARISON_ANSWERED
from audit.reader import LedgerReader, chunks
from audit.rollback import Diagnosis, Fate
from audit.state_events import log_rebuilt
from audit.state_kinds import LOG_REBUILT
from gateway.deeds.document import Kind
from gateway.deeds.granting import read_grant
from gateway.deeds.reading import DeedsReader, Remembered
from gateway.deeds.standing import Standing
from gateway.domain.budget import YEAR, Limits
from gateway.domain.grant import local_day
from gateway.watch.accounts import Ceilings, accounts_of, is_grant, operator_account, purpose_account
from gateway.watch.recount import Recount, spent
from ops.chain import logs_since
from ops.doctor.history import examine_history
from ops.foundation import read_home_foundation
from ops.log_keys import disclosure_keys, make_ledger
from ops.settings import Home, ServeSettings, load


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """What was counted. `spent` are the first and the last day that count as spent, where entries are lost."""

    diagnosis: Diagnosis
    counts: Counts
    known: Mapping[tuple[str, int], int]
    grants: int
    spent: tuple[date, date] | None


def count(home: Home, passphrase: Passphrase | None = None) -> Rebuilt:
    """Counts, and changes nothing. Raises `LedgerError` for a log that was altered: that is no case for counting."""
    found, now = examine_history(home), home.clock.now()
    if found.fate not in {Fate.WHOLE, Fate.RESTORED}:
        raise LedgerError("账已被改动、分叉或无从核对，不能由它重建额度：先运行 bidui audit doctor")
    settings = load(home, "serve.toml", ServeSettings)
    keys = disclosure_keys(home, passphrase)
    limits, charged = limits_of(standing(home)), list[date]()
    with closing(SqlLedgerReader.open(home.database_url(settings))) as reader:
        days = list(lost_days(reader, now)) if found.fate is Fate.RESTORED else []
    recount = Recount(local_day(now).toordinal())
    # Windows are as long as a year, and so go back behind entry 0 of a log that succeeds another one.
    for url in logs_since(home, local_day(now) - timedelta(days=YEAR)):
        with closing(SqlLedgerReader.open(url)) as reader:
            recounted(reader, keys, recount)
            charged += (each for each in told_days(reader) if local_day(now) - each < timedelta(days=YEAR))
    counts = spent(recount.counts(), limits, [*charged, *days])
    return Rebuilt(
        diagnosis=found,
        counts=counts,
        known=recount.known(),
        grants=sum(map(is_grant, limits)) if days else 0,
        spent=(days[0], days[-1]) if days else None,
    )


def differing_of(home: Home, made: Rebuilt) -> int:
    """How many of the home's counters are not those of its ledger."""
    engine = open_engine(home.database_url(load(home, "serve.toml", ServeSettings)))
    try:
        return differing(engine, made.counts)
    finally:
        engine.dispose()


def rebuild(home: Home, passphrase: Passphrase | None = None) -> tuple[Rebuilt, int]:
    """Counts anew and writes it, and into the log that it was done; how many counts differed.

    Raises `LedgerError` where entries are lost: that log cannot go on.
    """
    made = count(home, passphrase)
    if made.diagnosis.lost:
        raise LedgerError("已签的条目有缺失，这本账不能继续：请以 --origin 给出后继存证账的名称")
    settings = load(home, "serve.toml", ServeSettings)
    engine = open_engine(home.database_url(settings))
    changed = replace_counts(engine, made.counts, made.known)
    engine.dispose()
    draft = log_rebuilt(
        origin=settings.origin,
        entries=made.diagnosis.entries,
        signed=made.diagnosis.claimed,
        spent=None,
        grants=0,
        differing=changed,
    )
    with closing(SqlStore(home.database_url(settings))) as store, store.begin() as work:
        make_ledger(home, settings, passphrase).append(work.ledger, [draft], home.clock.now())
        work.commit()
    return made, changed


def recounted(reader: LedgerReader, keys: DisclosureKeys, made: Recount) -> None:
    """Takes in the answered comparisons of a log."""
    for start, end in chunks(reader.floor(), reader.head().size):
        disclosed = dict(reader.disclosures(start, end))
        for index, content in enumerate(reader.entries(start, end), start):
            entry = decode(content)
            if isinstance(entry, dict) and entry["type"] == COMPARISON_ANSWERED.type:
                body = entry["body"]
                day = local_day(datetime.fromisoformat(str(entry["time"]))).toordinal()
                if isinstance(body, dict):
                    told = _told(str(entry["id"]), disclosed.get(index, b""), keys)
                    person = (str(body["kind"]), told["subject"]) if "subject" in told else None
                    for account in _accounts(str(entry["partner"]), body, told.get("operator")):
                        made.take(account, day, person)


def told_days(reader: SqlLedgerReader) -> Iterator[date]:
    """The days that count as spent since a log before this one lost entries."""
    for _, content in reader.of_type(LOG_REBUILT.type):
        entry = decode(content)
        body = entry["body"] if isinstance(entry, dict) else None
        if isinstance(body, dict) and body["spent_from"] is not None:
            first, last = (date.fromisoformat(str(body[name])) for name in ("spent_from", "spent_until"))
            yield from (first + timedelta(days=each) for each in range((last - first).days + 1))


def _told(entry_id: str, packed: bytes, keys: DisclosureKeys) -> dict[str, str]:
    """Whom an entry is about and who asked, as far as that was not erased."""
    found = dict[str, str]()
    for sealed in unpack(packed) if packed else ():
        if sealed.name in {"subject", "operator"} and (opened := unseal(entry_id, sealed, keys)) is not None:
            found[sealed.name] = str(opened.reveal())
    return found


def _accounts(partner: str, body: Mapping[str, JsonValue], operator: str | None) -> Iterator[str]:
    """For what a comparison counts; for nobody where it is no longer known who asked."""
    yield str(body["grant"])
    yield purpose_account(partner, str(body["purpose"]))
    if operator is not None:
        yield operator_account(partner, operator)


def lost_days(reader: LedgerReader, now: datetime) -> Iterator[date]:
    """Every day on which something may have been recorded that is lost: from the last entry on, today included."""
    day = local_day(datetime.fromtimestamp(reader.head().log_time / 1_000_000, UTC))
    while day <= local_day(now):
        yield day
        day += timedelta(days=1)


def standing(home: Home) -> Standing:
    """Everything in force, held against the ledger and against what was remembered apart from it.

    Raises `UnavailableError` where deeds are missing that were in force: then nobody's rights are known.
    """
    engine = open_engine(home.database_url(load(home, "serve.toml", ServeSettings)))
    connection = driver_connection(engine)
    try:
        reader = DeedsReader(read_home_foundation(home), Remembered(FileNewest(home.checkpoints).read()))
        return reader.refresh(DeedTable(engine, connection.cursor()), home.clock.now())
    finally:
        connection.close()
        engine.dispose()


def limits_of(found: Standing) -> Mapping[str, Limits]:
    """What each grant in force allows, and each purpose with all of its grants."""
    grants = [read_grant(document) for document in found.of(Kind.GRANT)]
    limits = Ceilings(grants).of([(grant, accounts_of(grant, "")) for grant in grants])
    return {account: each for account, each in limits.items() if not account.startswith("operator:")}

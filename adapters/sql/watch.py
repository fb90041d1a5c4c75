"""What the watch knows, in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Integer,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.sql import ClauseElement

from adapters.sql.cursors import Cursor
from adapters.sql.statements import Statement, among_texts, pairs, upsert
from adapters.sql.tables import control
from adapters.sql.watch_tables import (
    watch_cell,
    watch_day,
    watch_incident,
    watch_notice,
    watch_question,
    watch_score,
    watch_stop,
)
from gateway.domain.budget import DAYS
from gateway.domain.incident import Incident
from gateway.domain.standing import Kept, Scores, Standing, Stop

_ENCODE = msgspec.json.Encoder(order="deterministic").encode


class WatchTable:
    """Keeps the promise of `gateway.ports.WatchStore` on one cursor, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        self._scores = Statement(_scores(engine), engine)
        self._counts = Statement(_counts(engine), engine)
        self._questions = Statement(_questions(engine), engine)
        self._cells = Statement(_cells(engine), engine)
        self._shares = Statement(_shares(engine), engine)
        self._clear = [
            Statement(delete(each).where(among_texts(engine, each.c.account, "accounts")), engine)
            for each in (watch_day, watch_cell)
        ]
        self._put_score = Statement(_put_score(engine), engine)
        self._put_stopped = Statement(_put_stopped(engine), engine)
        self._add_counts = Statement(_add_counts(engine), engine)
        self._add_cells = Statement(_add_cells(engine), engine)
        self._put_questions = Statement(_put_questions(engine), engine)
        self._put_stops = Statement(_put_stops(engine), engine)
        self._put_incidents = Statement(_put_incidents(engine), engine)
        self._tell_anew = Statement(
            delete(watch_notice).where(among_texts(engine, watch_notice.c.incident, "incidents")), engine
        )
        self._recent = Statement(_recent(), engine)
        self._stop = Statement(_stop(), engine)
        number = watch_incident.c.number == bindparam("number", type_=watch_incident.c.number.type)
        self._incident = Statement(select(watch_incident.c.incident).where(number), engine)
        advanced = update(control).values(epoch=control.c.epoch + literal_column("1")).returning(control.c.epoch)
        self._advance = Statement(advanced, engine)

    def standings(self, accounts: Sequence[str], day: int) -> Mapping[str, Standing]:
        scores = cast(
            "list[tuple[str, float, float, int, int, int]]", self._scores.rows(self._cursor, accounts=accounts)
        )
        counted = self._counts.rows(self._cursor, accounts=accounts, since=day - DAYS + 1)
        counts = {account: numbers for account, *numbers in cast("list[tuple[str, int, int]]", counted)}
        found = {each[0]: Standing(Scores(*each[1:5]), stopped=each[5]) for each in scores}
        for account, (misses, outside) in counts.items():
            known = found.get(account, Standing())
            found[account] = Standing(known.scores, misses, outside, known.stopped)
        return found

    def questions(self, wanted: Sequence[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        accounts, links = [account for account, _ in wanted], [link for _, link in wanted]
        rows = self._questions.rows(self._cursor, accounts=accounts, links=links)
        return {(account, link): asked for account, link, asked in cast("list[tuple[str, bytes, bytes]]", rows)}

    def cells(self, wanted: Sequence[tuple[str, bytes]], since: int) -> Mapping[tuple[str, bytes], int]:
        accounts, cells = [account for account, _ in wanted], [cell for _, cell in wanted]
        rows = self._cells.rows(self._cursor, accounts=accounts, links=cells, since=since)
        return {(account, cell): misses for account, cell, misses in cast("list[tuple[str, bytes, int]]", rows)}

    def shares(self, accounts: Sequence[str], day: int, since: int) -> Mapping[bytes, Mapping[str, int]]:
        rows = self._shares.rows(self._cursor, accounts=accounts, day=day, since=since)
        found = defaultdict[bytes, dict[str, int]](dict)
        for cell, account, count in cast("list[tuple[bytes, str, int]]", rows):
            found[bytes(cell)][account] = count
        return found

    def keep(self, kept: Kept) -> None:
        """Rows are written in key order, so that no two nodes wait for each other."""
        cursor, day = self._cursor, kept.day
        if kept.cleared:
            for each in self._clear:
                each.ask(cursor, accounts=sorted(kept.cleared))
        scores = {account: kept.scores.get(account, Scores()) for account in {*kept.scores, *kept.cleared}}
        self._put_score.write(cursor, [(account, *_numbers(scores[account])) for account in sorted(scores)])
        counts = sorted(kept.counts.items())
        self._add_counts.write(cursor, [(account, day, *numbers) for account, numbers in counts])
        cells = sorted(kept.cells.items())
        self._add_cells.write(cursor, [(account, cell, day, misses) for (account, cell), misses in cells])
        questions = sorted(kept.questions.items())
        self._put_questions.write(cursor, [(account, link, asked) for (account, link), asked in questions])
        if kept.stopped:
            ((epoch,),) = cast("list[tuple[int]]", self._advance.rows(cursor))
            self._put_stopped.write(cursor, [(account, 0.0, 0.0, 0, 0, epoch) for account in sorted(kept.stopped)])
        if kept.incidents:
            self._put_incidents.write(cursor, [_incident(each) for each in kept.incidents])
            self._tell_anew.ask(cursor, incidents=sorted(each.number for each in kept.incidents))

    def recent(self, partner: str, grant: str, detector: str, since: int) -> Incident | None:
        rows = self._recent.rows(self._cursor, partner=partner, granted=grant, detector=detector, since=since)
        return msgspec.json.decode(cast("bytes", rows[0][0]), type=Incident) if rows else None

    def lay(self, stops: Sequence[Stop]) -> None:
        rows = sorted((each.target, int(each.is_frozen), each.incident, each.entry) for each in stops)
        self._put_stops.write(self._cursor, rows)

    def stop(self, target: str) -> Stop | None:
        """The last response that was laid on something."""
        rows = cast("list[tuple[int, str, int]]", self._stop.rows(self._cursor, target=target))
        return Stop(target, bool(rows[0][0]), rows[0][1], rows[0][2]) if rows else None

    def incident(self, number: str) -> Incident | None:
        """The incident of this number."""
        rows = self._incident.rows(self._cursor, number=number)
        return msgspec.json.decode(cast("bytes", rows[0][0]), type=Incident) if rows else None


class NoticeTable:
    """Marks what was sent, inside the caller's transaction."""

    def __init__(self, engine: Engine, cursor: Cursor) -> None:
        self._cursor = cursor
        new = upsert(engine, watch_notice, "channel", "incident", "sent", "failed")
        changed = {"sent": new.excluded.sent, "failed": watch_notice.c.failed + new.excluded.failed}
        marked = new.on_conflict_do_update(index_elements=["channel", "incident"], set_=changed)
        self._mark = Statement(marked, engine)

    def mark(self, channel: str, incident: str, *, is_sent: bool) -> None:
        """A try of this channel came to that."""
        self._mark.write(self._cursor, [(channel, incident, int(is_sent), int(not is_sent))])


def _numbers(scores: Scores) -> tuple[float, float, int, int, int]:
    return scores.misses, scores.mismatches, scores.firsts, scores.hits, 0


def _incident(each: Incident) -> tuple[str, str, str, str, int, bytes]:
    found = each.finding
    opened = int(found.at.timestamp())
    return each.number, found.partner, found.grant, found.detector.value, opened, _ENCODE(each)


def _scores(engine: Engine) -> ClauseElement:
    of = watch_score.c
    wanted = select(of.account, of.misses, of.mismatches, of.firsts, of.hits, of.stopped)
    return wanted.where(among_texts(engine, of.account, "accounts"))


def _counts(engine: Engine) -> ClauseElement:
    of = watch_day.c
    wanted = select(of.account, _sum(of.misses), _sum(of.outside))
    since = of.day >= bindparam("since", type_=Integer)
    return wanted.where(among_texts(engine, of.account, "accounts"), since).group_by(of.account)


def _sum(each: ColumnElement[int]) -> ColumnElement[int]:
    return sql_cast(func.sum(each), BigInteger)


def _questions(engine: Engine) -> ClauseElement:
    asked, there = pairs(engine, "accounts", "links"), watch_question.c
    found = asked.rows.join(watch_question, and_(there.account == asked.text, there.link == asked.key))
    return select(there.account, there.link, there.asked).select_from(found)


def _cells(engine: Engine) -> ClauseElement:
    asked, there = pairs(engine, "accounts", "links"), watch_cell.c
    since = there.day >= bindparam("since", type_=Integer)
    found = asked.rows.join(watch_cell, and_(there.account == asked.text, there.cell == asked.key, since))
    wanted = select(there.account, there.cell, _sum(there.misses)).select_from(found)
    return wanted.group_by(there.account, there.cell)


def _shares(engine: Engine) -> ClauseElement:
    of, day = watch_cell.c, bindparam("day", type_=Integer)
    grown = select(of.cell).where(among_texts(engine, of.account, "accounts"), of.day == day)
    since = of.day >= bindparam("since", type_=Integer)
    wanted = select(of.cell, of.account, _sum(of.misses)).where(among_texts(engine, of.account, "accounts"), since)
    return wanted.where(of.cell.in_(grown)).group_by(of.cell, of.account)


def _put_score(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_score, "account", "misses", "mismatches", "firsts", "hits", "stopped")
    changed = {name: new.excluded[name] for name in ("misses", "mismatches", "firsts", "hits", "stopped")}
    return new.on_conflict_do_update(index_elements=["account"], set_=changed)


def _put_stopped(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_score, "account", "misses", "mismatches", "firsts", "hits", "stopped")
    return new.on_conflict_do_update(index_elements=["account"], set_={"stopped": new.excluded.stopped})


def _add_counts(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_day, "account", "day", "misses", "outside")
    added = {name: watch_day.c[name] + new.excluded[name] for name in ("misses", "outside")}
    return new.on_conflict_do_update(index_elements=["account", "day"], set_=added)


def _add_cells(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_cell, "account", "cell", "day", "misses")
    added = {"misses": watch_cell.c.misses + new.excluded.misses}
    return new.on_conflict_do_update(index_elements=["account", "cell", "day"], set_=added)


def _put_questions(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_question, "account", "link", "asked")
    return new.on_conflict_do_update(index_elements=["account", "link"], set_={"asked": new.excluded.asked})


def _put_stops(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_stop, "target", "is_frozen", "incident", "entry")
    names = ("is_frozen", "incident", "entry")
    return new.on_conflict_do_update(index_elements=["target"], set_={name: new.excluded[name] for name in names})


def _stop() -> ClauseElement:
    of = watch_stop.c
    return select(of.is_frozen, of.incident, of.entry).where(of.target == bindparam("target", type_=of.target.type))


def _recent() -> ClauseElement:
    of = watch_incident.c
    named = (each == bindparam(each.name, type_=each.type) for each in (of.partner, of.granted, of.detector))
    newest = select(of.incident).where(of.opened > bindparam("since", type_=BigInteger), *named)
    return newest.order_by(of.opened.desc(), of.number)


def _put_incidents(engine: Engine) -> ClauseElement:
    new = upsert(engine, watch_incident, "number", "partner", "granted", "detector", "opened", "incident")
    return new.on_conflict_do_update(index_elements=["number"], set_={"incident": new.excluded.incident})

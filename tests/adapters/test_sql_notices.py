"""An outbox forgets nothing that was not sent, and tells nothing twice that was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import pytest
from msgspec.structs import replace

from adapters.sql.engine import open_engine
from adapters.sql.notices import SqlOutbox
from adapters.sql.store import SqlStore
from gateway.domain.incident import Incident, State
from gateway.domain.standing import Kept
from tests.fakes import DrivenClock
from tests.gateways import open_store
from tests.incidents import AT, a_finding, an_incident


@dataclass
class Post:
    """A control database and its time."""

    store: SqlStore
    url: str
    clock: DrivenClock

    def outbox(self, channel: str = "webhook") -> SqlOutbox:
        return SqlOutbox(self.store, open_engine(self.url), self.clock, channel)

    def put(self, *incidents: Incident) -> None:
        with self.store.begin() as work:
            work.watch.keep(Kept(day=1, scores={}, counts={}, cells={}, questions={}, incidents=incidents))
            work.commit()


@pytest.fixture
def post(engine_url: str) -> Iterator[Post]:
    with closing(open_store(engine_url)) as store:
        yield Post(store, engine_url, DrivenClock(AT))


def numbers(outbox: SqlOutbox) -> list[str]:
    return [each.number for _, each in outbox.waiting(10)]


def found(number: int, **later: float) -> Incident:
    made = an_incident(replace(a_finding(), at=AT + timedelta(**later)))
    return replace(made, number=f"{number:016x}")


def test_the_oldest_waits_first_and_what_was_sent_waits_no_more(post: Post) -> None:
    post.put(found(2, hours=1), found(2**64 - 1), found(3, hours=2))
    outbox = post.outbox()
    assert numbers(outbox) == ["f" * 16, f"{2:016x}", f"{3:016x}"]

    outbox.sent(2**64 - 1)

    assert numbers(outbox) == [f"{2:016x}", f"{3:016x}"]
    assert numbers(post.outbox("mail"))[0] == "f" * 16, "each channel for itself"


def test_what_failed_waits_behind_what_did_not(post: Post) -> None:
    post.put(found(1), found(2, hours=1))
    outbox = post.outbox()

    outbox.failed(1, "down")
    outbox.failed(1, "down")
    outbox.failed(2, "down")

    assert numbers(outbox) == [f"{2:016x}", f"{1:016x}"]
    outbox.sent(1)
    assert numbers(outbox) == [f"{2:016x}"]


def test_an_incident_comes_as_it_was(post: Post) -> None:
    post.put(found(7))

    assert post.outbox().waiting(1) == [(7, found(7))]


def test_what_is_older_than_a_month_is_nobodys_news(post: Post) -> None:
    post.put(found(1), found(2, days=2))
    post.clock.pass_by(days=31)

    assert numbers(post.outbox()) == [f"{2:016x}"]


def test_what_changed_while_it_was_sent_is_told_again(post: Post) -> None:
    post.put(found(7))
    outbox = post.outbox()
    ((number, first),) = outbox.waiting(10)
    later = replace(first, count=first.count + 1)
    post.put(later)

    outbox.sent(number)

    assert outbox.waiting(10) == [(number, later)]
    outbox.sent(number)
    assert outbox.waiting(10) == []


def test_what_was_told_is_told_anew_when_it_goes_on(post: Post) -> None:
    post.put(found(7))
    outbox = post.outbox()
    ((number, first),) = outbox.waiting(10)
    outbox.sent(number)
    assert outbox.waiting(10) == []

    post.put(replace(first, state=State.ESCALATED))

    assert [each.state for _, each in outbox.waiting(10)] == [State.ESCALATED]

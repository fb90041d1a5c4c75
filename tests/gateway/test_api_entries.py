"""Entries over HTTP: for two duties, recorded first, as bytes; and why one is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from adapters.sql.engine import open_engine
from adapters.sql.pruning import PruningStore
from audit.entry import decode, leaf_hash
from audit.retention import KEPT
from gateway.api.office.entries import EntryDoors, entry_routes
from gateway.api.office.workers import Workers
from gateway.domain.people import Duty
from gateway.entries import MOST, EntryDesk
from gateway.trail.secrecy import Secrecy
from ops.office import open_office
from ops.review import Readers
from ops.settings import ServeSettings, load
from tests.bygones import DISCIPLINE, Bygones, bygones
from tests.offices import OfficeInTests, Visitor

AUDITOR, SECURITY = Duty.AUDIT_ADMIN, Duty.SECURITY_ADMIN


class EntryOffice(OfficeInTests):
    """People's doors, and the door to the entries of another home."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"sqlite:///{folder / 'accounts.sqlite'}")
        self.world: Bygones = bygones(folder / "home")
        home = self.world.home
        self.url = home.database_url(load(home, "serve.toml", ServeSettings))
        self.readers, self.office = Readers(home), open_office(home)
        self.desk = EntryDesk(
            reader=self.readers.ledger,
            store=self.office.store,
            ledger=self.office.ledger,
            clock=home.clock,
            secrecy=Secrecy(self.readers.deeds),
        )
        self.visitors: dict[Duty, Visitor] = {}
        for number, duty in enumerate((AUDITOR, SECURITY, Duty.LEADER, Duty.SYSTEM_ADMIN, Duty.HEAD), 1):
            name = f"zz-{duty.value.replace('_', '-')}"
            self.visitors[duty] = self.enrol(name, number, duty)
            assert self.visitors[duty].sign_in(name).status_code == 200

    def close(self) -> None:
        self.world.close()
        self.readers.close()
        self.office.store.close()
        self.store.close()

    def _app(self, workers: Workers) -> Starlette:
        app = super()._app(workers)
        app.router.routes += entry_routes(EntryDoors(desk=self.desk, guard=self.guard))
        return app

    def get(self, path: str, duty: Duty = AUDITOR) -> Any:
        return self.visitors[duty].get(f"/v1/office/entries{path}")

    @property
    def size(self) -> int:
        return self.readers.ledger.head().size


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EntryOffice]:
    with closing(EntryOffice(tmp_path_factory.mktemp("entries"))) as made:
        yield made


def test_an_entry_is_shown_byte_for_byte_and_the_look_is_recorded(office: EntryOffice) -> None:
    index, size = office.world.ask("unit"), office.size

    told = office.get(f"/{index}").json()

    (entry,) = told["entries"]
    assert leaf_hash(entry["entry"].encode()).hex() == entry["leaf"]
    assert (entry["index"], entry["missing"], told["recorded"]) == (index, None, size)
    look = office.world.entry(size)
    assert look["type"] == "trail.read"
    span = {"first": index, "last": index, "draft": None}
    assert look["body"] == {"person": "zz-audit-admin", "duty": "audit_admin", "use": "entries", **span}


def test_a_range_is_shown_up_to_the_end_of_the_log(office: EntryOffice) -> None:
    size = office.size

    told = office.get(f"?first=0&last={size + 50}").json()

    assert [each["index"] for each in told["entries"]] == list(range(size))
    assert [decode(each["entry"].encode())["seq"] for each in told["entries"]] == list(range(size))  # type: ignore[index,call-overload]  # an entry


@pytest.mark.parametrize("duty", [Duty.LEADER, Duty.SYSTEM_ADMIN, Duty.HEAD])
def test_for_nobody_else(office: EntryOffice, duty: Duty) -> None:
    size = office.size

    assert office.get("/0", duty).status_code == 403
    assert office.get("?first=0&last=1", duty).status_code == 403
    assert office.size == size


REFUSED = {
    "behind the log": ("/100000", 404),
    "a range behind the log": ("?first=100000&last=100001", 404),
    "backwards": ("?first=5&last=4", 422),
    "too many": (f"?first=0&last={MOST}", 422),
    "no number": ("?first=a&last=4", 422),
    "another script": ("?first=٣&last=4", 422),
    "nothing": ("", 422),
}


@pytest.mark.parametrize(("path", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_there_leaves_no_look(office: EntryOffice, path: str, status: int) -> None:
    size = office.size

    response = office.get(path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert office.size == size


def test_what_was_asked_for_a_secret_purpose_is_for_the_auditor(office: EntryOffice) -> None:
    index = office.world.ask("unit", client=DISCIPLINE, matter="M-1")

    (seen,), kept = office.get(f"/{index}").json()["entries"], office.get(f"/{index}", SECURITY).json()["entries"][0]

    assert seen["missing"] is None
    assert (kept["entry"], kept["missing"], kept["leaf"]) == (None, "withheld", seen["leaf"])


def test_what_was_changed_or_pruned_is_not_shown_and_says_so(tmp_path: Path) -> None:
    office = EntryOffice(tmp_path)
    while office.size < 260:
        office.get("/0")
    engine = open_engine(office.url)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER ledger_entry_no_UPDATE"))
        connection.execute(text("UPDATE ledger_entry SET entry = X'7B7D' WHERE \"index\" = 257"))
    engine.dispose()
    with closing(PruningStore(office.url)) as store, store.pruning() as work:
        work.prune(256, KEPT)
        work.commit()

    missing = [each["missing"] for each in office.get("?first=200&last=258").json()["entries"]]

    assert set(missing[:56]) == {"pruned"}
    assert missing[56:] == [None, "differs", None]
    assert office.get("/0").json()["entries"][0]["missing"] is None
    office.close()

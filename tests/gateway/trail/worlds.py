"""An office, a gateway and a ledger in one home, and officers who search it at the real doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette

from gateway.api.office.deeds import deed_problem
from gateway.api.office.trail import TrailDoors, trail_routes
from gateway.api.office.workers import Workers
from gateway.deeds.errors import DeedError
from gateway.domain.people import Duty
from gateway.trail.desk import TrailDesk
from ops.office import open_office
from ops.review import Readers
from ops.trail import TrailParts, open_trail, trail_desk
from tests.bygones import Bygones, bygones
from tests.make import CATALOGUE
from tests.offices import OfficeInTests, Visitor

SEARCH, HOURS, VIEWS = "/v1/office/trail/search", "/v1/office/trail/hours", "/v1/office/trail/views"
Told = dict[str, Any]


class TrailOffice(OfficeInTests):
    """People's doors, and the doors of the search over another home."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"sqlite:///{folder / 'accounts.sqlite'}")
        self.world: Bygones = bygones(folder / "home")
        self.readers, self.office = Readers(self.world.home), open_office(self.world.home)
        self.parts: TrailParts = open_trail(self.world.home, None)
        self.desk: TrailDesk = trail_desk(self.parts, self.office, self.readers.ledger, self.readers.deeds)
        self.visitors = {
            duty: self.enrol(f"zz-{duty.value.replace('_', '-')}", number, duty) for number, duty in enumerate(Duty, 1)
        }
        for duty, visitor in self.visitors.items():
            assert visitor.sign_in(f"zz-{duty.value.replace('_', '-')}").status_code == 200

    def close(self) -> None:
        self.parts.close()
        self.world.close()
        self.readers.close()
        self.office.store.close()
        self.store.close()

    def _app(self, workers: Workers) -> Starlette:
        app = super()._app(workers)
        app.router.routes += trail_routes(TrailDoors(desk=self.desk, guard=self.guard, catalogue=CATALOGUE))
        app.add_exception_handler(DeedError, deed_problem)
        return app

    def by(self, duty: Duty) -> Visitor:
        return self.visitors[duty]

    def search(self, duty: Duty = Duty.AUDIT_ADMIN, **body: object) -> Told:
        """A search that must be answered."""
        response = self.by(duty).post(SEARCH, body)
        assert response.status_code == 200, response.text
        return cast("Told", response.json())

    def found(self, duty: Duty = Duty.AUDIT_ADMIN, **body: object) -> list[int]:
        """The entries that a search shows."""
        told = self.search(duty, **body)
        assert told["differs"] == []
        return [hit["entry"] for hit in told["hits"]]

    def of(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """The bodies of all entries of a kind."""
        opened = [self.world.entry(index) for index in range(self.world.ledger.head().size)]
        return [cast("Mapping[str, Any]", each["body"]) for each in opened if each["type"] == kind]

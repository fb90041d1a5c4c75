"""The whole office in this process, over a home: the real doors on the real store, and people who are signed in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import httpx2

from adapters.identity.certificate import Edge
from adapters.keys.files import read_ed25519
from adapters.sealing.enlisting import Enlisters
from gateway.accounts.keys import fingerprint
from gateway.accounts.values import Account, AccountKey, Level, Opened
from gateway.api.app import Doors, build_app
from gateway.api.catalogue import CatalogueDoor
from gateway.api.comparisons import Comparisons
from gateway.domain.people import Person
from gateway.office import Office
from ops.office import open_office
from ops.people import PeopleDesk, open_desk
from ops.settings import Home
from tests.gateway.test_filing import Links
from tests.make import CATALOGUE, unpaced
from tests.offices import from_text, to_text

Json = dict[str, Any]


class Enrolled:
    """Everybody whom the deeds enrol, as of the last look. Like the product's own, it never asks within a work."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.look()

    def look(self) -> None:
        self._roll = self._office.standing().roll

    def person(self, account: str) -> Person | None:
        return self._roll.person(account)


@contextmanager
def a_desk_over(home: Home) -> Iterator[PeopleDesk]:
    """The people's desk of a home, with a sealing process that links whatever it is asked."""
    office = open_office(home)
    enlisters = cast("Enlisters", _Linking())
    desk = open_desk(home, office, Enrolled(office), None, enlisters)
    with closing(desk):
        yield desk


class _Linking:
    def open(self) -> Links:
        return Links()


def let_in(desk: PeopleDesk, account: str) -> Opened:
    """A fresh session for somebody on the roll, who has come by their account in some other way."""
    person, accounts = Enrolled(desk.office).person(account), desk.accounts
    assert person is not None
    at = desk.home.clock.now()
    with accounts.store.begin() as work:
        books = work.accounts
        kept = books.book.find(account) or _account(desk, person)
        books.book.put(replace(kept, password=kept.password or "nothing that anybody can say"))
        held = {each.key.kid for each in books.keys.of(account)}
        for key in person.keys:
            if key.kid not in held:
                books.keys.put(AccountKey(account=account, key=key, added=1))
        opened = accounts.guard().sessions.open(work, person, Level.TOTP, at, fresh=True)
        work.commit()
    return opened


def proven(desk: PeopleDesk, opened: Opened) -> dict[str, str]:
    """The headers with which whoever has this session may do anything."""
    cookie = f"__Host-bidui={opened.session_id}"
    return {"cookie": cookie, "x-bidui-token": opened.signed_in.csrf, "origin": desk.accounts.origin}


def _account(desk: PeopleDesk, person: Person) -> Account:
    return Account(
        id=person.id,
        natural=person.natural,
        name=desk.accounts.vault.seal("name", person.id, person.name.encode()),
        duty=person.duty,
        partner=person.partner,
        code=b"",
        code_until=0,
        enrolled=1,
    )


@dataclass
class OpenOffice:
    """All doors of a gateway that nobody asks anything but office work. `heard` is every answer it gave."""

    desk: PeopleDesk
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    heard: list[httpx2.Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def unasked(*_: object) -> Any:
            raise AssertionError

        doors = Doors(
            comparisons=Comparisons(identify=lambda _: None, catalogue=CATALOGUE, submit=unasked, take=unpaced),
            catalogue=CatalogueDoor(identify=lambda _: None, catalogue=CATALOGUE, held=unasked, stopped=lambda *_: ""),
            token_routes=[],
            log_routes=[],
            office_routes=self.desk.routes(Edge()),
            checks={},
            document=dict,
        )
        transport = httpx2.ASGITransport(app=build_app(doors), raise_app_exceptions=False)
        self._client = httpx2.AsyncClient(transport=transport, base_url=self.desk.accounts.origin)

    def close(self) -> None:
        self.loop.run_until_complete(self._client.aclose())
        self.loop.close()

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> httpx2.Response:
        """Anything."""
        cast("Enrolled", self.desk.accounts.people).look()
        self._client.cookies.clear()
        asked = self._client.request(method, f"/v1/office/{path}", headers=dict(headers), content=content)
        self.heard.append(self.loop.run_until_complete(asked))
        return self.heard[-1]

    def somebody(self, account: str = "") -> Insider:
        """A person of this account, signed in; without one, whoever comes along."""
        if account:
            return Insider(self, account, proven(self.desk, let_in(self.desk, account)))
        return Insider(self, "", {"origin": self.desk.accounts.origin})


@dataclass
class Insider:
    """One person at the doors."""

    office: OpenOffice
    account: str
    headers: dict[str, str]

    def get(self, path: str) -> Json:
        """What a door shows, which must be something."""
        return self._told(self.office.send("GET", path, self.headers, b""))

    def post(self, path: str, /, **body: object) -> Json:
        """What comes of a change, which must go well."""
        return self._told(self.office.send("POST", path, self.headers, json.dumps(body).encode()))

    def come_in(self, path: str, **body: object) -> None:
        """Takes the session that this door hands out."""
        told = self.post(path, **body)
        cookies = self.office.heard[-1].headers.get_list("set-cookie")
        named = {each.partition("=")[0]: each.partition(";")[0] for each in cookies}
        self.account = told["person"]["id"]
        self.headers |= {"cookie": named["__Host-bidui"], "x-bidui-token": told["token"]}

    def sign(self, *digests: str) -> Sequence[Json]:
        """Signs the next step of these deeds with their key file."""
        key = read_ed25519(self.office.desk.home.keys / "people" / f"{self.account}.pem", None)
        stated = self.post("statements", deeds=list(digests), kid=fingerprint(key.public_key().public_bytes_raw()))
        proof = to_text(key.sign(from_text(stated["statement"])))
        told = self.post("signatures", **{name: stated[name] for name in ("step", "kid", "at", "deeds")}, proof=proof)
        signed: Sequence[Json] = told["deeds"]
        return signed

    def _told(self, response: httpx2.Response) -> Json:
        assert response.status_code < 300, (str(response.request.url), response.text)
        return cast("Json", response.json()) if response.content else {}

"""Callers that never give up: they ask over HTTP, write down every answer they hear, and repeat what broke off."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import cast

from ops.demo.person import Person
from ops.demo.staging import Department
from ops.prove.homes import FINANCE, LOCAL

TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer or refusal as a caller received it, and what it had sent."""

    key: str
    request: bytes
    status: int
    body: bytes

    @property
    def json(self) -> Mapping[str, object]:
        return cast("Mapping[str, object]", json.loads(self.body))


@dataclass
class Journal:
    """Everything that was heard, by all callers. `broken` counts requests that broke off or got a 503."""

    heard: list[Heard] = field(default_factory=list)
    broken: int = 0
    unexpected: list[Heard] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, heard: Heard | None) -> bool:
        """Writes it down; whether the caller is done with this request."""
        with self._lock:
            if heard is None or heard.status in {409, 503}:
                self.broken += 1
                return False
            (self.heard if heard.status in {200, 403} else self.unexpected).append(heard)
            return True

    def answers(self) -> list[Heard]:
        return [each for each in self.heard if each.status == 200]

    def refusals(self) -> list[Heard]:
        return [each for each in self.heard if each.status == 403]


@dataclass(kw_only=True)
class Load:
    """Callers in threads of their own, from `start` to `finish`. Each asks under one of the grants, at random."""

    port: int
    headers: Mapping[str, str]
    people: Sequence[Person]
    grants: Sequence[str]
    department: Department = FINANCE
    callers: int = 8
    seed: int = 1
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,), daemon=True) for n in range(self.callers)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> Journal:
        """Lets every caller end what it began, as long as the gateway answers, and gives the journal."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        return self.journal

    def _call(self, caller: int) -> None:
        rng = Random(f"{self.seed} {caller}")  # noqa: S311 - the same seed asks the same questions
        line, number = Line(self.port, self.headers), 0
        while not self._stopping.is_set():
            number += 1
            body = question(rng.choice(self.people), rng.choice(self.grants), self.department)
            self._insist(line, f"{self.seed}-{caller}-{number}", body)
        line.close()

    def _insist(self, line: Line, key: str, body: bytes) -> None:
        """Asks the same question by the same key until it is answered; a minute after the end it is given up."""
        end = None
        while not self.journal.note(line.ask(key, body)):
            time.sleep(PAUSE_SECONDS)
            if self._stopping.is_set():
                end = end or time.monotonic() + 60
                if time.monotonic() > end:
                    return


class Line:
    """A connection kept open, and opened anew when it broke."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPConnection(LOCAL, port, timeout=TIMEOUT_SECONDS)
        self._headers = headers

    def ask(self, key: str, body: bytes) -> Heard | None:
        """What came back; None when the line broke before all of it was there."""
        headers = {**self._headers, "idempotency-key": key, "content-type": "application/json"}
        try:
            self._connection.request("POST", "/v1/comparisons", body, headers)
            response = self._connection.getresponse()
            return Heard(key, body, response.status, response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None

    def close(self) -> None:
        self._connection.close()


def question(person: Person, grant: str, department: Department = FINANCE, **changes: object) -> bytes:
    """The body of a comparison of this person."""
    members: dict[str, object] = {
        "grant": grant,
        "purpose": department.purpose,
        "operator": department.operator,
        "subject": {"kind": "person", "id": person.id_number, "name": person.name},
        "claims": [{"field": "person_status", "value": "在职"}],
    }
    return json.dumps(members | changes, ensure_ascii=False).encode()

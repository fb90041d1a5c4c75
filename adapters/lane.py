"""A lane of its own for comparisons, past ASGI: from the parsed bytes of a request straight to the door, and back.

For one short request and one short answer uvicorn makes a task, an event, a cycle and three messages; that is a tenth
of what a comparison may cost. The lane takes only what is plain: `POST /v1/comparisons` over HTTP/1.1 with a short
body of known length, alone on its line. Everything else goes through ASGI to the same door and gets the same answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from adapters.http import BoundedProtocol
from gateway.api.body import MAX_BODY_BYTES
from gateway.api.comparisons import PATH, Comparisons, untold
from gateway.api.problems import of_error, unauthorised, unavailable
from gateway.domain.caller import Caller
from gateway.domain.errors import GatewayError
from gateway.domain.reply import Answered, Reply, Request

_PATH = PATH.encode()
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_OUTSIDE = _FRAMING | {b"dpop", b"signature-input", b"signature"}
"""What frames a body, and proofs that have to be used up on all nodes, for which this lane does not wait."""
_DIGITS = len(str(MAX_BODY_BYTES))
_JSON = (b"content-type", b"application/json")

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True)
class Lane:
    """Where it leads, and who is told what went through."""

    door: Comparisons
    put: Callable[[Request, Callable[[Reply], None]], None]
    measured: Callable[[int, float], None]
    """Told the status of an answer and the seconds it took."""
    broke: Callable[[int, str], None]


class LaneProtocol(BoundedProtocol):
    """uvicorn's HTTP protocol with the lane beside it, or without one."""

    def __init__(self, *arguments: Any, lane: Lane | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._lane = lane

    def on_headers_complete(self) -> None:
        """Choose the way of this request."""
        if self._lane is None or not self._is_plain():
            super().on_headers_complete()
            return
        self.end_of_head()
        self.cycle = cast("Any", Visit(self, self._lane, cast("Scope", self.scope)))

    def on_message_complete(self) -> None:
        """A visit begins when all of it has arrived."""
        super().on_message_complete()
        if isinstance(self.cycle, Visit) and not self.cycle.response_complete:
            self.cycle.begin()

    def _is_plain(self) -> bool:
        parser = self.parser
        return (
            self.url == _PATH
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and self._is_short()
            and self._is_alone()
        )

    def _is_alone(self) -> bool:
        """Whether nothing before it is unanswered or unread: answers leave in the order of their requests."""
        before: RequestResponseCycle | None = self.cycle
        is_answered = before is None or before.response_complete
        return is_answered and not self.pipeline and not self.flow.write_paused

    def _is_short(self) -> bool:
        framing = [value for name, value in self.headers if name in _OUTSIDE]
        return (
            len(framing) == 1
            and framing[0].isdigit()
            and len(framing[0]) <= _DIGITS
            and int(framing[0]) <= MAX_BODY_BYTES
        )


class _Nobody:
    """Stands where uvicorn wakes a task that waits for a message: nobody waits here."""

    def set(self) -> None:
        return


class Visit:
    """One comparison on its line, in the place of uvicorn's cycle and with the members that uvicorn touches."""

    message_event = _Nobody()

    def __init__(self, line: LaneProtocol, lane: Lane, scope: Scope) -> None:
        self.body = b""
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self._line, self._lane, self._scope = line, lane, scope
        self._started = time.perf_counter()

    def begin(self) -> None:
        """Ask, now that all of the request is there."""
        try:
            request = self._read()
        except GatewayError as error:
            self._respond(of_error(error))
        except Exception as error:  # noqa: BLE001 - whatever broke, the caller gets a problem and not a word of it
            self._lane.broke(1, type(error).__name__)
            self._respond(unavailable())
        else:
            if request is None:
                self._respond(unauthorised())
            else:
                self._lane.put(request, self.tell)

    def tell(self, reply: Reply) -> None:
        """Answer, and let the next request of this line begin."""
        if isinstance(reply, Answered):
            self._write(200, (_JSON, (b"content-length", b"%d" % len(reply.json))), reply.json)
        else:
            self._respond(untold(reply))

    def _read(self) -> Request | None:
        caller = self._lane.door.identify(self._scope)
        return self._lane.door.request(caller, self._scope, self.body) if isinstance(caller, Caller) else None

    def _respond(self, response: Response) -> None:
        self._write(response.status_code, response.raw_headers, bytes(response.body))

    def _write(self, status: int, headers: Headers, body: bytes) -> None:
        self.response_complete = True
        self._lane.measured(status, time.perf_counter() - self._started)
        if self.disconnected:
            return
        lines = [b"%b: %b\r\n" % header for header in (*self._line.server_state.default_headers, *headers)]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        self._line.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        if not self.keep_alive:
            self._line.transport.close()
        self._line.on_response_complete()

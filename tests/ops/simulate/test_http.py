"""The same world over HTTP: a closed attack meets the same stop as in process, and nothing is left behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bidui_client import Account
from gateway.domain.reply import Refused, Wants
from ops.simulate.asking import Probe, heard
from ops.simulate.fields import STATUS
from ops.simulate.http.line import Line
from ops.simulate.http.report import Line as Told
from ops.simulate.http.report import differences, markdown
from ops.simulate.http.running import Both, HttpSettings, Way, run_both
from ops.simulate.http.timepiece import Timepiece
from ops.simulate.partners import START
from ops.simulate.replay import Assault, Honest, Learned
from policies.decision import Reason
from tests.ops.simulate.make import a_stage

HELD = Learned(4, 0.0, 0, 0, "held:watch:miss_rate")


class Heard:
    """Who is told of a run, and remembers."""

    def __init__(self) -> None:
        self.attacks: list[str] = []
        self.days = 0

    def founded(self) -> None:
        """Nothing to do."""

    def outside(self, says: str) -> None:
        """Nothing to do."""

    def day(self, seed: int, day: int) -> None:
        self.days += 1

    def attacked(self, assault: Assault) -> None:
        self.attacks.append(assault.attack)


def an_assault(end: Learned = HELD) -> Assault:
    return Assault("A2b", 1, HELD, end, True, 1, 1, {})


@pytest.mark.slow
def test_a_closed_attack_meets_the_same_stop_over_http_as_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    # A socket needs a short path, which those of tests are not.
    with TemporaryDirectory() as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        both = run_both(HttpSettings(days=5, attacks=("A2a",)), heard)
        assert not list(Path(folder).iterdir()), "the throw-away home is still there"

    (inside,), (outside,) = both.inside.assaults, both.outside.assaults
    assert outside.checked is not None
    assert outside.checked.by == "frozen:watch:cell"
    assert outside == inside
    assert both.outside.records == both.inside.records > 100
    assert both.outside.honest.records == both.inside.honest.records
    assert (heard.days, heard.attacks) == (5, ["A2a", "A2a"])


def test_a_clock_that_is_driven_never_goes_back(tmp_path: Path) -> None:
    timepiece = Timepiece.new(tmp_path / "clock")
    timepiece.drive(7200)
    timepiece.drive(3600)

    assert timepiece.now() == START + timedelta(hours=2)
    assert (tmp_path / "clock").read_text() == timepiece.now().isoformat()


@contextmanager
def a_door(*replies: tuple[int, dict[str, str], dict[str, object]]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these replies to comparisons in turn; its address, and the keys that it was sent."""
    left, keys = list(replies), list[str]()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/oauth/token":
                self._tell(200, {}, {"access_token": "t", "expires_in": 300})
            else:
                keys.append(self.headers["Idempotency-Key"])
                self._tell(*left.pop(0))

        def _tell(self, status: int, headers: dict[str, str], body: dict[str, object]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of the base class
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", keys
        finally:
            server.shutdown()
            thread.join()


def test_whoever_is_told_to_wait_waits_by_the_clock_and_asks_the_same_again(tmp_path: Path) -> None:
    stage, timepiece = a_stage(gate=True), Timepiece.new(tmp_path / "clock")
    member = stage.members[8]
    [request] = stage.asking.probing(member, member.operators[0], [Probe(15980119500101001, 1, ((STATUS, 0),))])
    busy = [(429, {"Retry-After": seconds}, dict[str, object]()) for seconds in ("2", "90")]
    refusal: dict[str, object] = {"reason": "quota", "incident": "ab" * 8}

    with a_door(*busy, (403, {}, refusal)) as (url, keys):
        account = Account(url=url, client_id="c", key=ec.generate_private_key(ec.SECP256R1()))
        with closing(Line(account, timepiece)) as line:
            reply = line.compare(request)

    assert isinstance(reply, Refused)
    assert reply.reason.value == "quota"
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert timedelta(seconds=92) <= timepiece.now() - START < timedelta(seconds=93)
    assert timepiece.waited >= 92


def test_whoever_is_asked_to_sign_asks_the_same_again_and_once(tmp_path: Path) -> None:
    stage, timepiece = a_stage(gate=True), Timepiece.new(tmp_path / "clock")
    member = stage.members[8]
    [request] = stage.asking.probing(member, member.operators[0], [Probe(15980119500101001, 1, ((STATUS, 0),))])
    wanted: dict[str, object] = {"type": "urn:bidui:problem:signature-required", "reason": "held", "incident": "ab" * 8}

    with a_door((403, {}, wanted), (403, {}, wanted)) as (url, keys):
        account = Account(url=url, client_id="c", key=ec.generate_private_key(ec.SECP256R1()))
        with closing(Line(account, timepiece)) as line:
            reply = line.compare(request)

    assert isinstance(reply, Refused)
    assert reply.reason.value == "held"
    assert len(keys) == 2
    assert len(set(keys)) == 1


@pytest.mark.parametrize(
    ("end", "told"),
    [(HELD, []), (Learned(9, 1.0, 3, 0), ["persons_in_the_end"])],
    ids=["alike", "more leaked in the end"],
)
def test_where_the_two_ways_differ_it_is_said(end: Learned, told: list[str]) -> None:
    inside, outside = an_assault(), an_assault(end)
    ways = [Way(5, Honest(), [each]) for each in (inside, outside)]

    text = markdown(HttpSettings(attacks=("A2b",)), Both(*ways))

    assert differences(Told.of(inside), Told.of(outside)) == told
    assert ("differs: persons in the end" in text) is bool(told)
    assert f"{0 if told else 1} of 1 attacks went the same" in text


def test_an_assault_that_nothing_refused_is_told_by_its_end() -> None:
    assert Told.of(unrefused()).by == "nothing"


def unrefused() -> Assault:
    return Assault("A2b", 1, None, HELD, False, 0, 1, {})


@pytest.mark.parametrize(("wants", "told"), [(Wants.NOTHING, "held"), (Wants.REVIEW, "")])
def test_who_waits_for_an_acceptance_is_not_held_and_learns_nothing(wants: Wants, told: str) -> None:
    known = heard(Refused(Reason.HELD, "ab" * 8, wants))

    assert (known.confirmed, known.agreed, known.refused) == (False, frozenset(), told)

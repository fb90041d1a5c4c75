"""The sealing socket: frames whole or nothing, a client that starts over."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sealing import client as module
from adapters.sealing.client import PORTION, Deeds, SealClient
from adapters.sealing.wire import (
    MAX_FRAME,
    Admit,
    Admitted,
    Ask,
    Enlist,
    Know,
    Known,
    Refused,
    Reply,
    Request,
    Sealed,
    receive,
    replies,
    requests,
    send,
)
from gateway.domain.errors import UnavailableError
from gateway.ports import Withheld
from gateway.seal import Plain
from tests.make import GENERATION, NAME, a_grant, an_id
from tests.people import granted, known

DEED = granted(a_grant()).encode()
PLAIN = Plain("G-1", "person", an_id(1), [NAME], 46_000, [("unit", "equals", "盟教育局")])


@contextmanager
def a_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.settimeout(2)
    far.settimeout(2)
    with near, far:
        yield near, far


# ---------------------------------------------------------------------------------------- frames

MESSAGES = [
    Ask(GENERATION, [PLAIN, PLAIN]),
    Ask("", []),
    Know([DEED, DEED]),
    Know([]),
    Known(7),
    Admit(GENERATION, DEED),
    Admitted([1, -1, 2**63 - 1, -(2**63)]),
    Sealed(["limit", "malformed"]),
    Refused("GrantError"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: Request | Reply) -> None:
    with a_pair() as (near, far):
        send(near, message)
        body = receive(far)

    assert body is not None
    decoder = requests if isinstance(message, Know | Admit | Ask) else replies
    assert decoder.decode(body) == message


@given(st.lists(st.binary(max_size=15), min_size=1, max_size=4), st.integers(1, 7))
def test_frames_arrive_whole_however_they_are_cut(bodies: list[bytes], width: int) -> None:
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)

    def speak(near: socket.socket) -> None:
        for start in range(0, len(stream), width):
            near.sendall(stream[start : start + width])
        near.shutdown(socket.SHUT_WR)

    with a_pair() as (near, far):
        # Single bytes fill a socket's buffer soon, so somebody must read meanwhile.
        speaking = Thread(target=speak, args=(near,))
        speaking.start()

        assert [receive(far) for _ in bodies] == bodies
        assert receive(far) is None
        speaking.join()


BROKEN_FRAMES: dict[str, bytes] = {
    "longer than any right one": (MAX_FRAME + 1).to_bytes(4, "big") + b"x",
    "as long as can be": b"\xff\xff\xff\xff",
    "cut off in the body": (10).to_bytes(4, "big") + b"123",
    "cut off in the length": b"\0\0",
}


@pytest.mark.parametrize("sent", BROKEN_FRAMES.values(), ids=BROKEN_FRAMES)
def test_a_broken_frame_ends_the_connection(sent: bytes) -> None:
    with a_pair() as (near, far):
        near.sendall(sent)
        near.shutdown(socket.SHUT_WR)

        with pytest.raises(ConnectionError):
            receive(far)


def test_nothing_personal_shows_in_a_message() -> None:
    shown = repr(MESSAGES[0])

    assert an_id(1) not in shown
    assert NAME not in shown
    assert "盟教育局" not in shown


# ---------------------------------------------------------------------------------------- the client

Answer = Callable[[socket.socket], None]


def reply(message: Reply) -> Answer:
    def answer(peer: socket.socket) -> None:
        receive(peer)
        send(peer, message)

    return answer


def garbage(peer: socket.socket) -> None:
    receive(peer)
    peer.sendall((4).to_bytes(4, "big") + b"\xc1\xc1\xc1\xc1")


def no_text(peer: socket.socket) -> None:
    receive(peer)
    body = msgspec.msgpack.encode(Refused("cause")).replace(b"cause", b"ca\xffse")
    peer.sendall(len(body).to_bytes(4, "big") + body)


def hang_up(peer: socket.socket) -> None:
    receive(peer)


def hang_up_in_the_middle(peer: socket.socket) -> None:
    receive(peer)
    peer.sendall((100).to_bytes(4, "big") + b"half")


def say_nothing(peer: socket.socket) -> None:
    receive(peer)
    with suppress(OSError):
        receive(peer)


GOOD = reply(Sealed(["limit"]))


@contextmanager
def a_process(*connections: Answer) -> Iterator[Path]:
    """A sealing process that does on each of its connections what the test says, then hangs up."""
    with TemporaryDirectory(prefix="bidui-") as folder, socket.socket(socket.AF_UNIX) as server:
        path = Path(folder) / "seal.sock"
        server.bind(str(path))
        server.listen(8)

        def serve() -> None:
            for answer in connections:
                with suppress(OSError), server.accept()[0] as peer:
                    peer.settimeout(5)
                    answer(peer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield path


MISBEHAVIOUR: dict[str, Answer] = {
    "it hangs up": hang_up,
    "it hangs up in the middle": hang_up_in_the_middle,
    "it talks nonsense": garbage,
    "it says what is no text": no_text,
    "it answers another question": reply(Admitted([1])),
    "it refuses the message": reply(Refused("DecodeError")),
    "it answers too few": reply(Sealed([])),
    "it answers too many": reply(Sealed(["limit", "limit"])),
    "it says nothing": say_nothing,
}


@pytest.mark.parametrize("misbehave", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_a_process_that_misbehaves_is_unavailable_and_asked_anew(
    misbehave: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.1)
    with a_process(misbehave, GOOD) as path, closing(SealClient(path)) as client:
        with pytest.raises(UnavailableError) as caught:
            client.ask(GENERATION, [PLAIN]).questions()
        assert an_id(1) not in str(caught.value)
        client.close()

        assert client.ask(GENERATION, [PLAIN]).questions() == [Withheld("limit")]


def test_an_answer_that_came_too_late_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next turn must not take the answer to the last one for its own."""
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.1)

    def too_late(peer: socket.socket) -> None:
        receive(peer)
        with suppress(OSError):
            receive(peer)
        with suppress(OSError):
            send(peer, Sealed(["too late"]))

    with a_process(too_late, GOOD) as path, closing(SealClient(path)) as client:
        with pytest.raises(UnavailableError):
            client.ask(GENERATION, [PLAIN]).questions()

        assert client.ask(GENERATION, [PLAIN]).questions() == [Withheld("limit")]


def test_an_answer_that_nobody_fetched_is_not_given_to_the_next() -> None:
    """A turn may end between asking and fetching. The digests of one subject must never stand for another's."""

    def answer_all(peer: socket.socket) -> None:
        for cause in ("first", "second"):
            if receive(peer) is None:
                return
            send(peer, Sealed([cause]))

    with a_process(answer_all, reply(Sealed(["second"]))) as path, closing(SealClient(path)) as client:
        client.ask(GENERATION, [PLAIN])
        again = client.ask(GENERATION, [PLAIN])

        assert again.questions() == [Withheld("second")]


def test_nobody_listening_is_unavailable(tmp_path: Path) -> None:
    client = SealClient(tmp_path / "nobody.sock")

    with pytest.raises(UnavailableError):
        client.ask(GENERATION, [PLAIN]).questions()
    with pytest.raises(UnavailableError):
        client.is_alive()


@dataclass
class Listener:
    """A sealing process that believes everything, and keeps what it was told."""

    told: list[Request] = field(default_factory=list)
    trusts: bool = True

    def listen(self, peer: socket.socket) -> None:
        while (body := receive(peer)) is not None:
            self.told.append(requests.decode(body))
            send(peer, self._reply(self.told[-1]))

    def of(self, kind: type[Request]) -> list[Request]:
        return [message for message in self.told if isinstance(message, kind)]

    def _reply(self, message: Request) -> Reply:
        match message:
            case Know():
                return Known(1) if self.trusts else Refused("DeedError")
            case Admit():
                return Admitted([7])
            case Enlist():
                return Refused("DeedError")
            case Ask():
                return Sealed(["limit" if self.of(Admit) else "unknown_grant"] * len(message.plains))


WHOLE = Deeds(known(), {"G-1": DEED})


def test_a_grant_that_is_not_known_there_yet_is_handed_in() -> None:
    process = Listener()
    with a_process(process.listen) as path, closing(SealClient(path, WHOLE)) as client:
        assert client.ask(GENERATION, [PLAIN]).questions() == [Withheld("limit")]
        assert client.units(GENERATION, "G-1") == {7}

    assert process.told == [Know(list(known())), Admit(GENERATION, DEED), Ask(GENERATION, [PLAIN])]


def test_who_may_sign_is_told_once_a_connection_and_what_is_new_when_it_is_new() -> None:
    first, second = Listener(), Listener()
    more = WHOLE._replace(known=(*known(), b"another"))
    with a_process(first.listen, second.listen) as path, closing(SealClient(path, WHOLE)) as client:
        client.units(GENERATION, "G-1")
        client.units("another", "G-1")
        client.know(more)
        client.units(GENERATION, "G-1")
        client.close()
        client.units(GENERATION, "G-1")

    assert first.of(Know) == [Know(list(known())), Know([b"another"])]
    assert second.of(Know) == [Know([*known(), b"another"])]


def test_people_who_are_not_the_old_ones_and_more_are_told_from_the_beginning() -> None:
    process = Listener()
    with a_process(process.listen) as path, closing(SealClient(path, WHOLE)) as client:
        client.units(GENERATION, "G-1")
        client.know(WHOLE._replace(known=known()[:2]))
        client.units(GENERATION, "G-1")

    assert process.of(Know) == [Know(list(known())), Know(list(known()[:2]))]


def test_many_deeds_are_told_in_portions() -> None:
    process, many = Listener(), [bytes([number % 256]) for number in range(2 * PORTION + 1)]
    with a_process(process.listen) as path, closing(SealClient(path, Deeds(many, {"G-1": DEED}))) as client:
        client.units(GENERATION, "G-1")

    told = [message.deeds for message in process.told if isinstance(message, Know)]
    assert [len(portion) for portion in told] == [PORTION, PORTION, 1]
    assert [deed for portion in told for deed in portion] == many


def test_a_process_that_does_not_trust_the_people_gets_no_grant() -> None:
    process = Listener(trusts=False)
    with (
        a_process(process.listen) as path,
        closing(SealClient(path, WHOLE)) as client,
        pytest.raises(UnavailableError, match="doctor"),
    ):
        client.units(GENERATION, "G-1")

    assert process.of(Admit) == []

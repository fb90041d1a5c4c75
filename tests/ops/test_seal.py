"""The sealing process, asked by somebody who has taken over serve: all is doubted, and every answer is paid for."""

from __future__ import annotations

import random
import signal
import socket
import stat
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.keys.files import read_ed25519, read_secret
from adapters.sealing.client import SealClient
from adapters.sealing.meter import Meter
from adapters.sealing.wire import Admit, Admitted, Ask, Refused, Sealed
from gateway.domain.errors import UnavailableError
from gateway.domain.grant import Grant
from gateway.ports import Withheld
from gateway.seal import Plain, Question, Sealer, SealingKey, day_number
from gateway.signed_grant import SignedGrant, sign_grant
from ops.seal import SealingDesk, listen, serve_forever
from ops.settings import Mode
from ops.wiring import trusted_load_keys
from tests.fakes import DrivenClock, a_desk
from tests.fakes_audit import CountingEntropy
from tests.homes import a_home, edit, environment, listens, started, until
from tests.make import CATALOGUE, GENERATION, NAME, TODAY, a_grant, an_id, limits, signed

DAY = day_number(TODAY)
FIELDS = ["name", "unit", "sex", "birth_month", "leader_rank", "pay_amount"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SealingDesk]:
    made = a_desk(tmp_path)
    yield made
    made.meter.close()


def admit(desk: SealingDesk, *grants: Grant) -> None:
    for grant in grants:
        reply = send(desk, Admit(GENERATION, signed(grant)))
        assert isinstance(reply, Admitted)


def send(desk: SealingDesk, message: object) -> Admitted | Sealed | Refused:
    return desk.answer(msgspec.msgpack.encode(message))


def plain(*claims: tuple[str, str, str], **changes: object) -> Plain:
    members: dict[str, object] = {"grant": "G-1", "kind": "person", "id": an_id(1), "gate": [NAME], "day": DAY}
    members |= {"claims": [*(claims or [("unit", "equals", "盟教育局")])]}
    return Plain(**(members | changes))  # type: ignore[arg-type]  # what a stranger may send


def told(reply: Admitted | Sealed | Refused) -> list[str]:
    if isinstance(reply, Sealed):
        return [item if isinstance(item, str) else "sealed" for item in reply.items]
    return ["refused" if isinstance(reply, Refused) else "admitted"]


# ---------------------------------------------------------------------------------------- what is no message

GOOD = msgspec.msgpack.encode(Ask(GENERATION, [plain()]))
NO_MESSAGES: dict[str, bytes] = {
    "nothing": b"",
    "garbage": b"\xc1\xff\x00",
    "a text": msgspec.msgpack.encode("Ask"),
    "a number": msgspec.msgpack.encode(7),
    "a list of nothing": msgspec.msgpack.encode([]),
    "an unknown word": msgspec.msgpack.encode(["Open", GENERATION, []]),
    "a reply": msgspec.msgpack.encode(Sealed([])),
    "too little": msgspec.msgpack.encode(["Ask", GENERATION]),
    "another type inside": msgspec.msgpack.encode(["Ask", GENERATION, "everything"]),
    "a day in words": msgspec.msgpack.encode(["Ask", GENERATION, [["G-1", "person", "1", [NAME], "today", []]]]),
    "cut off": GOOD[:-1],
    "more behind it": GOOD + b"\0",
    "very deep": b"\x91" * 5_000,
    "a text that is no UTF-8": GOOD.replace(b"unit", b"un\xfft"),
    "a word that is no UTF-8": GOOD.replace(b"Ask", b"A\xffk"),
}


@pytest.mark.parametrize("body", NO_MESSAGES.values(), ids=NO_MESSAGES)
def test_what_is_no_message_is_refused(desk: SealingDesk, body: bytes) -> None:
    admit(desk, a_grant())

    assert isinstance(desk.answer(body), Refused)
    assert told(desk.answer(GOOD)) == ["sealed"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60) | st.integers(0, len(GOOD) - 1).map(lambda place: GOOD[:place] + b"\xff" + GOOD[place + 1 :])
)
def test_any_bytes_are_answered(desk: SealingDesk, body: bytes) -> None:
    assert isinstance(desk.answer(body), Admitted | Sealed | Refused)


# ---------------------------------------------------------------------------------------- what is no grant

STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
WIDE = signed(a_grant(limits=limits(day=10**6)))
NO_GRANTS: dict[str, SignedGrant] = {
    "signed by a stranger": sign_grant(a_grant(), "load", STRANGER),
    "signed under another name": sign_grant(a_grant(), "leader", STRANGER),
    "with another's signature": SignedGrant(WIDE.document, "load", signed(a_grant()).signature),
    "with more limits than were signed": SignedGrant(
        signed(a_grant()).document.replace(b"1000", b"9000", 1), "load", signed(a_grant()).signature
    ),
    "no document": SignedGrant(b"", "load", b""),
}


@pytest.mark.parametrize("grant", NO_GRANTS.values(), ids=NO_GRANTS)
def test_a_grant_that_was_not_signed_opens_nothing(desk: SealingDesk, grant: SignedGrant) -> None:
    assert isinstance(send(desk, Admit(GENERATION, grant)), Refused)
    assert told(send(desk, Ask(GENERATION, [plain()]))) == ["unknown_grant"]


def test_a_process_that_trusts_nobody_seals_nothing(tmp_path: Path) -> None:
    desk = a_desk(tmp_path, trusted={})

    assert isinstance(send(desk, Admit(GENERATION, signed(a_grant()))), Refused)
    desk.meter.close()


def test_an_expired_grant_tells_not_even_its_units(desk: SealingDesk) -> None:
    assert isinstance(desk.clock, DrivenClock)
    desk.clock.pass_by(days=365)

    reply = send(desk, Admit(GENERATION, signed(a_grant())))

    assert not isinstance(reply, Admitted) or reply.units == []


# ---------------------------------------------------------------------------------------- what a grant does not allow

WITHHELD: dict[str, tuple[Plain, str]] = {
    "a grant nobody handed in": (plain(grant="G-9"), "unknown_grant"),
    "a field that is not granted": (plain(("title", "equals", "1")), "not_granted"),
    "one field of two that is not granted": (plain(("unit", "equals", "x"), ("title", "equals", "1")), "not_granted"),
    "yesterday": (plain(day=DAY - 1), "not_granted"),
    "tomorrow": (plain(day=DAY + 1), "not_granted"),
    "before all days": (plain(day=-1), "not_granted"),
    "after all days": (plain(day=2**40), "not_granted"),
    "a kind nobody knows": (plain(kind="thing"), "malformed"),
    "a field nobody knows": (plain(("nothing", "equals", "1")), "malformed"),
    "a field of another kind": (plain(("org_name", "equals", "1")), "not_granted"),
    "no gate": (plain(gate=[]), "malformed"),
    "two names": (plain(gate=[NAME, "李四"]), "malformed"),
    "an unknown comparator": (plain(("unit", "like", "盟")), "malformed"),
    "a bound in another word": (plain(("birth_month", "below", "1980-01")), "malformed"),
    "a bound without an order": (plain(("unit", "at_least", "盟教育局")), "malformed"),
    "a bound that is no month": (plain(("birth_month", "at_least", "soon")), "malformed"),
    "a bound out of range": (plain(("birth_month", "at_most", "1859-12")), "malformed"),
    "a bound that is no code": (plain(("leader_rank", "at_least", "boss")), "malformed"),
    "a bound that is no number": (plain(("pay_amount", "at_least", "5k")), "malformed"),
    "two guesses at one field": (plain(("sex", "equals", "1"), ("sex", "equals", "2")), "malformed"),
    "the gate guessed at in the claims": (plain(("name", "equals", "李四")), "malformed"),
    "65 claims": (plain(*[("unit", "equals", str(n)) for n in range(65)]), "malformed"),
}


@pytest.mark.parametrize(("asked", "cause"), WITHHELD.values(), ids=WITHHELD)
def test_what_is_not_granted_or_not_well_formed_is_withheld_alone_and_free(
    desk: SealingDesk, asked: Plain, cause: str
) -> None:
    admit(desk, a_grant(fields=FIELDS, limits=limits(day=2)))

    assert told(send(desk, Ask(GENERATION, [plain(), asked, plain(id=an_id(2))]))) == ["sealed", cause, "sealed"]


def test_organisations_are_sealed_without_a_gate(desk: SealingDesk) -> None:
    admit(desk, a_grant(fields=["org_quota_approved"]))
    asked = plain(("org_quota_approved", "at_least", "40"), kind="organisation", id="150100000001", gate=[])

    assert told(send(desk, Ask(GENERATION, [asked]))) == ["sealed"]
    named = plain(("org_quota_approved", "at_least", "40"), kind="organisation", id="150100000001", gate=[NAME])
    assert told(send(desk, Ask(GENERATION, [named]))) == ["malformed"]


TIMES: dict[str, tuple[dict[str, object], float, str]] = {
    "in hours": ({"hours": ["10:00-11:00"]}, 0, "sealed"),
    "an hour later": ({"hours": ["10:00-11:00"]}, 1, "not_granted"),
    "on its last day": ({"valid_until": TODAY}, 0, "sealed"),
    "a day before its first": ({"valid_from": TODAY + timedelta(days=1)}, 0, "not_granted"),
}


@pytest.mark.parametrize(("changes", "hours", "expected"), TIMES.values(), ids=TIMES)
def test_the_process_goes_by_its_own_clock(
    desk: SealingDesk, changes: dict[str, object], hours: float, expected: str
) -> None:
    admit(desk, a_grant(**changes))
    assert isinstance(desk.clock, DrivenClock)
    desk.clock.pass_by(hours=hours)

    assert told(send(desk, Ask(GENERATION, [plain()]))) == [expected]


def test_a_strange_grant_spoils_no_other(desk: SealingDesk) -> None:
    with suppress(Exception):  # a reader that refuses such a date is better still
        send(desk, Admit(GENERATION, signed(a_grant(number="G-2", reference_dates=[date(1899, 12, 31)]))))
    admit(desk, a_grant())

    assert told(send(desk, Ask(GENERATION, [plain(), plain(grant="G-2"), plain()])))[::2] == ["sealed", "sealed"]


# ---------------------------------------------------------------------------------------- whoever has taken over serve


def test_a_taken_over_serve_gets_at_most_the_sum_of_the_live_grants(desk: SealingDesk) -> None:
    """All grants at once, every subject it can think of, many connections, and every trick with numbers."""
    live = [a_grant(number=f"G-{n}", limits=limits(day=10 * n, comparisons=15 * n)) for n in (1, 2, 3)]
    expired = a_grant(number="G-old", valid_until=TODAY - timedelta(days=1))
    admit(desk, *live, expired)
    got: list[str] = []

    def plunder(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(40):
            grants = [dice.choice(["G-1", "G-2", "G-3", "G-old"]) for _ in range(10)]
            plains = [plain(grant=grant, id=an_id(dice.randrange(500))) for grant in grants]
            reply = send(desk, Ask(dice.choice(["g1", "g2"]), plains))
            assert isinstance(reply, Sealed)
            got.extend(
                f"{grant} {item.link.hex()}"
                for grant, item in zip(grants, reply.items, strict=True)
                if isinstance(item, Question)
            )
            if dice.random() < 0.2:
                admit(desk, *live)

    threads = [Thread(target=plunder, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for n in (1, 2, 3):
        mine = [each for each in got if each.startswith(f"G-{n} ")]
        assert len(mine) <= 15 * n
        assert len(set(mine)) == 10 * n
    assert not [each for each in got if each.startswith("G-old")]


def test_without_the_sealing_key_no_digest_can_be_made(desk: SealingDesk) -> None:
    admit(desk, a_grant())
    (sealed,) = send(desk, Ask(GENERATION, [plain()])).items  # type: ignore[union-attr]  # it is
    guess = Sealer(SealingKey(b"g" * 32), CATALOGUE, "person", GENERATION, CountingEntropy()).question(plain())

    assert isinstance(sealed, Question)
    assert sealed.link != guess.link
    assert not set(struct.iter_unpack("<q", sealed.digests)) & set(struct.iter_unpack("<q", guess.digests))


# ---------------------------------------------------------------------------------------- the socket


def test_only_its_owner_and_group_reach_the_socket() -> None:
    with TemporaryDirectory(prefix="bidui-") as folder:
        path = Path(folder) / "seal.sock"
        path.write_text("left over by a dead process")
        with listen(path):
            assert stat.S_ISSOCK(path.stat().st_mode)
            assert path.stat().st_mode & 0o007 == 0


def test_a_connection_that_misbehaves_ends_alone(desk: SealingDesk) -> None:
    with TemporaryDirectory(prefix="bidui-") as folder:
        path = Path(folder) / "seal.sock"
        server = listen(path)
        Thread(target=serve_forever, args=(server, desk), daemon=True).start()
        with closing(SealClient(path, {"G-1": signed(a_grant())})) as client, server:
            for nonsense in (b"\xff\xff\xff\xff", b"\0\0\0\2\xc1\xc1", b"\0"):
                with socket.socket(socket.AF_UNIX) as peer:
                    peer.settimeout(5)
                    peer.connect(str(path))
                    peer.sendall(nonsense)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(100):
                        pass
            assert isinstance(client.ask(GENERATION, [plain()]).questions()[0], Question)


# ---------------------------------------------------------------------------------------- the process


@pytest.mark.slow
def test_a_killed_process_has_forgotten_nothing_it_gave_away(tmp_path: Path) -> None:
    """Killed while it answers: all that was given away, over all its lives, stays within the limits."""
    home = a_home(tmp_path / "home")
    with TemporaryDirectory(prefix="bidui-") as folder:
        path, env = Path(folder) / "seal.sock", environment(tmp_path / "clock")
        edit(home.path / "seal.toml", 'socket = ""', f'socket = "{path}"')
        load = read_ed25519(home.keys / "load" / "load.pem", None)
        grant = sign_grant(a_grant(limits=limits(day=30)), "load", load)
        given: set[bytes] = set()
        for life in range(2):
            path.unlink(missing_ok=True)
            with started("seal", "--home", home.path, log=tmp_path / "seal.log", env=env) as process:
                until(lambda: listens(path))
                given |= _plunder(path, grant, life, process if life == 0 else None)
        with closing(Meter(path.parent / "meter.journal")) as meter:
            room = meter.take({"G-1": a_grant(limits=limits(day=30)).limits}, TODAY.toordinal(), [("G-1", b"x" * 16)])

    assert len(given) <= 30
    assert room == [False]
    key = SealingKey(read_secret(home.keys / "seal" / "sealing.secret", None))
    sealer = Sealer(key, CATALOGUE, "person", GENERATION, CountingEntropy())
    assert given <= {sealer.link(an_id(number)) for number in range(1_000)}


def _plunder(path: Path, grant: SignedGrant, life: int, victim: subprocess.Popen[bytes] | None) -> set[bytes]:
    """Asks for more and more subjects, until the process is killed or gives no more."""
    links: set[bytes] = set()
    with closing(SealClient(path, {"G-1": grant})) as client, suppress(UnavailableError):
        for number in range(60):
            if victim is not None and number == 9:
                client.ask(GENERATION, [plain(id=an_id(500 + life))])
                victim.send_signal(signal.SIGKILL)
                victim.wait()
            (item,) = client.ask(GENERATION, [plain(id=an_id(100 * life + number))]).questions()
            if isinstance(item, Withheld):
                assert item.cause == "limit"
                break
            links.add(item.link)
    return links


def test_in_production_no_load_key_is_trusted(tmp_path: Path) -> None:
    home = a_home(tmp_path / "home", Mode.PRODUCTION)
    load = read_ed25519(home.keys / "load" / "load.pem", None)
    desk = a_desk(tmp_path, trusted=trusted_load_keys(home))

    assert isinstance(send(desk, Admit(GENERATION, sign_grant(a_grant(), "load", load))), Refused)
    assert told(send(desk, Ask(GENERATION, [plain()]))) == ["unknown_grant"]
    desk.meter.close()

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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.keys.files import read_secret
from adapters.sealing.client import Deeds, SealClient
from adapters.sealing.meter import Meter
from adapters.sealing.wire import Admit, Admitted, Ask, Know, Known, Refused, Reply, Sealed
from gateway.deeds.deed import Deed, Draft
from gateway.deeds.foundation import Founder, found
from gateway.deeds.signature import Statement, sign
from gateway.domain.errors import UnavailableError
from gateway.domain.grant import Grant
from gateway.ports import Withheld
from gateway.seal import Plain, Question, Sealer, SealingKey, day_number
from ops.foundation import read_home_foundation
from ops.seal import SealingDesk, listen, serve_forever
from tests.fakes import DrivenClock, a_desk
from tests.fakes_audit import CountingEntropy
from tests.gateways import a_deed
from tests.homes import a_home, edit, environment, listens, started, until
from tests.make import CATALOGUE, GENERATION, NAME, TODAY, a_grant, an_id, limits
from tests.people import FOUNDATION, FOUNDERS, LOG, SIGNED_AT, STAFF, granted, key_of, known, public_of

DAY = day_number(TODAY)
FIELDS = ["name", "unit", "sex", "birth_month", "leader_rank", "pay_amount"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SealingDesk]:
    made = a_desk(tmp_path)
    assert isinstance(send(made, Know(list(known()))), Known)
    yield made
    made.close()


def admit(desk: SealingDesk, *grants: Grant) -> None:
    for grant in grants:
        reply = send(desk, Admit(GENERATION, a_deed(grant).encode()))
        assert isinstance(reply, Admitted)


def send(desk: SealingDesk, message: object) -> Reply:
    return desk.answer(msgspec.msgpack.encode(message))


def plain(*claims: tuple[str, str, str], **changes: object) -> Plain:
    members: dict[str, object] = {"grant": "G-1", "kind": "person", "id": an_id(1), "gate": [NAME], "day": DAY}
    members |= {"claims": [*(claims or [("unit", "equals", "盟教育局")])]}
    return Plain(**(members | changes))  # type: ignore[arg-type]  # what a stranger may send


def told(reply: Reply) -> list[str]:
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
    assert isinstance(desk.answer(body), Known | Admitted | Sealed | Refused)


# ---------------------------------------------------------------------------------------- what is no grant

GOOD_GRANT = a_deed(a_grant())
WIDE = a_deed(a_grant(limits=limits(day=10**6)))


def signed_again(deed: Deed, place: int, **changes: object) -> Deed:
    """The deed with one of its signatures changed."""
    signatures = list(deed.last.signatures)
    signatures[place] = replace(signatures[place], **changes)
    return Deed((Draft(deed.last.document, tuple(signatures)),))


def by_strangers() -> Deed:
    """Signed by keys that nobody on the roll has, under the names of those who should."""
    good = GOOD_GRANT.last.signatures
    stated = [Statement(LOG, each.step, each.person, each.kid, each.at, each.deeds) for each in good]
    return Deed((Draft(GOOD_GRANT.last.document, tuple(sign(key_of("stranger"), each) for each in stated)),))


NO_GRANTS: dict[str, bytes] = {
    "signed by strangers": by_strangers().encode(),
    "signed by people of other duties": granted(a_grant(), "sys", "sec", "aud").encode(),
    "signed in another order": granted(a_grant(), "reviewer", "hr-head", "leader").encode(),
    "signed by the head of another partner": granted(a_grant(), "tax-head", "reviewer", "leader").encode(),
    "signed by nobody on the roll": granted(a_grant(), "nobody", "reviewer", "leader").encode(),
    "signed twice by one person": granted(a_grant(), "hr-head", "leader", "leader").encode(),
    "drawn up by who signs it off": granted(a_grant(), author="leader").encode(),
    "without its last signature": granted(a_grant(), "hr-head", "reviewer").encode(),
    "without any signature": Deed((Draft(GOOD_GRANT.last.document),)).encode(),
    "with the signatures of a wider one": Deed((Draft(GOOD_GRANT.last.document, WIDE.last.signatures),)).encode(),
    "with more limits than were signed": Deed(
        (Draft(GOOD_GRANT.last.document.replace(b"1000", b"9000", 1), GOOD_GRANT.last.signatures),)
    ).encode(),
    "with another proof": signed_again(GOOD_GRANT, 2, proof=WIDE.last.signatures[2].proof).encode(),
    "under another key's name": signed_again(GOOD_GRANT, 2, kid="activation").encode(),
    "under another person's name": signed_again(GOOD_GRANT, 2, person="reviewer").encode(),
    "at another time": signed_again(GOOD_GRANT, 2, at="2026-01-01T00:00:01Z").encode(),
    "of another installation": granted(a_grant(), log="gateway.example/audit/2026-2").encode(),
    "of a path that grants do not have": granted(a_grant(), path="founding").encode(),
    "signed off, on the path that only takes away": granted(a_grant(), "leader", path="withdrawal").encode(),
    "of a deed about something else": known()[0],
    "no drafts": Deed(()).encode(),
    "no deed": b"",
    "garbage": b"\xc1\xc1",
}


@pytest.mark.parametrize("deed", NO_GRANTS.values(), ids=NO_GRANTS)
def test_a_grant_that_was_not_signed_by_everybody_opens_nothing(desk: SealingDesk, deed: bytes) -> None:
    assert isinstance(send(desk, Admit(GENERATION, deed)), Refused)
    assert told(send(desk, Ask(GENERATION, [plain()]))) == ["unknown_grant"]


def test_what_was_refused_spoils_nothing(desk: SealingDesk) -> None:
    for deed in NO_GRANTS.values():
        send(desk, Admit(GENERATION, deed))

    admit(desk, a_grant())

    assert told(send(desk, Ask(GENERATION, [plain()]))) == ["sealed"]


def test_a_process_that_was_told_of_nobody_seals_nothing(tmp_path: Path) -> None:
    with closing(a_desk(tmp_path)) as desk:
        assert isinstance(send(desk, Admit(GENERATION, GOOD_GRANT.encode())), Refused)
        assert told(send(desk, Ask(GENERATION, [plain()]))) == ["unknown_grant"]


def test_a_process_with_other_founders_believes_none_of_ours(tmp_path: Path) -> None:
    others = found(LOG, [Founder(each, STAFF[each], public_of(key_of(f"other {each}"))) for each in FOUNDERS])

    with closing(a_desk(tmp_path, foundation=others)) as desk:
        assert isinstance(send(desk, Know(list(known()))), Refused)
        assert isinstance(send(desk, Admit(GENERATION, GOOD_GRANT.encode())), Refused)


def test_an_expired_grant_tells_not_even_its_units(desk: SealingDesk) -> None:
    assert isinstance(desk.clock, DrivenClock)
    desk.clock.pass_by(days=365)

    reply = send(desk, Admit(GENERATION, GOOD_GRANT.encode()))

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
        send(desk, Admit(GENERATION, a_deed(a_grant(number="G-2", reference_dates=[date(1899, 12, 31)])).encode()))
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
        with closing(SealClient(path, Deeds(known(), {"G-1": GOOD_GRANT.encode()}))) as client, server:
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
        (home.path / "foundation.json").write_bytes(FOUNDATION.encode())
        grant = a_deed(a_grant(limits=limits(day=30))).encode()
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


def _plunder(path: Path, grant: bytes, life: int, victim: subprocess.Popen[bytes] | None) -> set[bytes]:
    """Asks for more and more subjects, until the process is killed or gives no more."""
    links: set[bytes] = set()
    with closing(SealClient(path, Deeds(known(), {"G-1": grant}))) as client, suppress(UnavailableError):
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


def test_a_home_believes_its_own_founders_alone(tmp_path: Path) -> None:
    foundation = read_home_foundation(a_home(tmp_path / "home"))

    with closing(a_desk(tmp_path, foundation=foundation)) as desk:
        assert isinstance(send(desk, Know(list(known()))), Refused)
        assert isinstance(send(desk, Admit(GENERATION, GOOD_GRANT.encode())), Refused)


def test_a_clock_that_stepped_back_makes_no_deed_one_of_the_future(tmp_path: Path) -> None:
    """Here too, what people signed before the step stays good; days and hours of grants go by the clock as it is."""
    desk = a_desk(tmp_path, DrivenClock(SIGNED_AT - timedelta(days=1)))

    assert isinstance(send(desk, Know(list(known()))), Known)
    admit(desk, a_grant())

    assert told(send(desk, Ask(GENERATION, [plain()]))) == ["not_granted"]
    desk.close()

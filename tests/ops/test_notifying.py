"""Sending what waits: at least once, each channel by itself, and none is given up."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from typer.testing import CliRunner

from adapters.keys.files import KeyFileError
from adapters.metrics import Metrics
from gateway.domain.errors import UnavailableError
from gateway.domain.incident import Incident
from gateway.watch.notice import Notifier
from gateway.watch.ocsf import Notice
from ops.channels import open_channels, product
from ops.cli.main import app
from ops.notifying import AT_ONCE, LONGEST, SHORTEST, Channel, Notifying, Outbox, Sending
from ops.settings import Home, Mode, ServeSettings, SettingsError, load
from tests.fakes import DrivenClock
from tests.homes import free_ports, until
from tests.incidents import PRODUCT, an_incident
from tests.receivers import HOST, Papers, Post, collecting, listening, make_papers, webhook

SERVE = 'origin = "o.example/audit/1"\nissuer = "https://i"\nnode = "node-7"\n'
RUN = CliRunner()


class MemoryOutbox:
    """An outbox that keeps its promise in memory, and remembers what it was told."""

    def __init__(self, count: int = 0) -> None:
        self.rows = {number: an_incident(number=f"{number:016x}") for number in range(count)}
        self.failures: dict[int, list[str]] = {}
        self.asked: list[int] = []

    def waiting(self, limit: int) -> Sequence[tuple[int, Incident]]:
        self.asked.append(limit)
        order = sorted(self.rows, key=lambda number: (len(self.failures.get(number, [])), number))
        return [(number, self.rows[number]) for number in order[:limit]]

    def sent(self, number: int) -> None:
        del self.rows[number]

    def failed(self, number: int, cause: str) -> None:
        self.failures.setdefault(number, []).append(cause)


class Line:
    """A channel that is up or down, and has its dislikes."""

    def __init__(self, *, down: bool = False, never: Sequence[int] = ()) -> None:
        self.down, self.never = down, {f"{number:016x}" for number in never}
        self.took: list[int] = []
        self.tries = 0

    def send(self, notice: Notice) -> None:
        self.tries += 1
        uid = notice["finding_info"]["uid"]
        if self.down or uid in self.never:
            raise UnavailableError("line: nobody listens there")
        self.took.append(int(uid, 16))


class Rig:
    """One channel with its outbox, its clock and its figures."""

    def __init__(self, line: Notifier, outbox: Outbox) -> None:
        self.clock, self.metrics = DrivenClock(), Metrics()
        channel = Channel(name="line", notifier=line, outbox=outbox)
        self.sending = Sending(channel, PRODUCT, self.clock, self.metrics)

    def rounds(self, count: int = 1, every: timedelta = timedelta()) -> None:
        for _ in range(count):
            self.sending.round()
            self.clock.at += every

    def counted(self, outcome: str) -> float:
        labels = {"channel": "line", "outcome": outcome}
        return self.metrics.registry.get_sample_value("bidui_notices_total", labels) or 0.0


def test_what_waits_is_sent_oldest_first() -> None:
    line, outbox = Line(), MemoryOutbox(3)
    rig = Rig(line, outbox)
    rig.rounds()

    assert (line.took, outbox.rows) == ([0, 1, 2], {})
    assert (rig.counted("sent"), rig.counted("failed")) == (3, 0)


def test_one_round_is_bounded() -> None:
    line, outbox = Line(), MemoryOutbox(AT_ONCE + 7)
    rig = Rig(line, outbox)
    rig.rounds()

    assert len(line.took) == AT_ONCE
    rig.rounds()
    assert len(line.took) == AT_ONCE + 7
    assert set(outbox.asked) == {AT_ONCE}


def test_a_channel_that_is_down_is_asked_once_a_round_and_loses_nothing() -> None:
    line, outbox = Line(down=True), MemoryOutbox(5)
    rig = Rig(line, outbox)
    rig.rounds(3)

    assert (line.tries, len(outbox.rows)) == (3, 5)
    assert outbox.failures == {0: ["line: nobody listens there"], 1: [*outbox.failures[0]], 2: [*outbox.failures[0]]}
    assert rig.counted("failed") == 3


def test_each_failure_waits_twice_as_long_up_to_a_bound() -> None:
    line, outbox = Line(down=True), MemoryOutbox(1)
    rig = Rig(line, outbox)
    tried: list[datetime] = []
    for _ in range(4000):
        before = line.tries
        rig.sending.round()
        if line.tries > before:
            tried.append(rig.clock.now())
        rig.clock.at += timedelta(seconds=1)

    waits = [after - before for before, after in pairwise(tried)]
    assert waits[:4] == [SHORTEST, 2 * SHORTEST, 4 * SHORTEST, 8 * SHORTEST]
    assert waits[-1] == LONGEST


def test_a_channel_that_comes_back_gets_everything_at_once() -> None:
    line, outbox = Line(down=True), MemoryOutbox(6)
    rig = Rig(line, outbox)
    rig.rounds(60, every=timedelta(seconds=2))
    line.down = False
    rig.rounds(1)
    rig.clock.at += LONGEST
    rig.rounds(1)

    assert sorted(line.took) == [0, 1, 2, 3, 4, 5]
    assert outbox.rows == {}


def test_one_that_never_goes_through_holds_up_no_other() -> None:
    line, outbox = Line(never=[0]), MemoryOutbox(4)
    rig = Rig(line, outbox)
    rig.rounds(3, every=LONGEST)

    assert line.took == [1, 2, 3]
    assert list(outbox.rows) == [0]


def test_a_clock_that_was_put_back_makes_nothing_wait() -> None:
    line, outbox = Line(down=True), MemoryOutbox(1)
    rig = Rig(line, outbox)
    rig.rounds()
    line.down = False
    rig.clock.at -= timedelta(days=400)
    rig.rounds()

    assert line.took == [0]


def test_what_could_not_be_marked_is_sent_again() -> None:
    class Forgetful(MemoryOutbox):
        broken = True

        def sent(self, number: int) -> None:
            if self.broken:
                raise UnavailableError("the store is down")
            super().sent(number)

    line, outbox = Line(), Forgetful(1)
    rig = Rig(line, outbox)
    with pytest.raises(UnavailableError):
        rig.rounds()
    outbox.broken = False
    rig.rounds()

    assert (line.took, outbox.rows) == ([0, 0], {})


def test_a_mistake_in_sending_one_is_a_failure_like_any_other() -> None:
    class Broken(Line):
        def send(self, notice: Notice) -> None:
            if notice["finding_info"]["uid"] == f"{0:016x}":
                raise KeyError("110105199001011234")
            super().send(notice)

    line, outbox = Broken(), MemoryOutbox(2)
    rig = Rig(line, outbox)
    with capture_logs() as told:
        rig.rounds(9)

    assert line.took == [1]
    assert outbox.failures == {0: ["line: KeyError"] * 2}, "at once, and when the other had gone through"
    assert [each["event"] for each in told] == ["notice_failed", "notices_resumed"]


def test_the_log_tells_once_that_a_channel_is_down_and_once_that_it_is_back() -> None:
    line, outbox = Line(down=True), MemoryOutbox(2)
    rig = Rig(line, outbox)
    with capture_logs() as told:
        rig.rounds(5, every=SHORTEST)
        line.down = False
        rig.rounds(2, every=LONGEST)

    assert [(each["event"], each["cause"]) for each in told] == [
        ("notice_failed", "line: nobody listens there"),
        ("notices_resumed", "line"),
    ]


@given(st.lists(st.sampled_from(["down", "up", "later", "round", "news"]), max_size=40))
def test_whatever_happens_everything_arrives_in_the_end(story: list[str]) -> None:
    line, outbox = Line(), MemoryOutbox(2)
    rig, count = Rig(line, outbox), 2
    for each in story:
        if each == "news":
            outbox.rows[count] = an_incident(number=f"{count:016x}")
            count += 1
        elif each == "later":
            rig.clock.at += LONGEST
        elif each == "round":
            rig.rounds()
        else:
            line.down = each == "down"
    line.down = False
    rig.clock.at += LONGEST
    rig.rounds(2)

    assert outbox.rows == {}
    assert sorted(line.took) == list(range(count))


# ----------------------------------------------------------------------------------------- several channels


def test_a_channel_that_hangs_holds_up_no_other() -> None:
    free = threading.Event()

    class Hanging(Line):
        def send(self, notice: Notice) -> None:
            free.wait(20)
            super().send(notice)

    hanging, fine = Hanging(), Line()
    outboxes = {"hanging": MemoryOutbox(2), "fine": MemoryOutbox(2)}
    channels = [
        Channel(name=name, notifier=line, outbox=outboxes[name])
        for name, line in (("hanging", hanging), ("fine", fine))
    ]
    notifying = Notifying(channels, product=PRODUCT, clock=DrivenClock(), metrics=Metrics())
    notifying.start()
    try:
        until(lambda: fine.took == [0, 1])
        assert hanging.took == []
        free.set()
        until(lambda: hanging.took == [0, 1])
    finally:
        free.set()
        notifying.stop()


def test_without_channels_nothing_is_done() -> None:
    notifying = Notifying([], product=PRODUCT, clock=DrivenClock(), metrics=Metrics())
    notifying.start()
    notifying.run_once()
    notifying.stop()


# ------------------------------------------------------------------------------------------------- settings


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return make_papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def home(tmp_path: Path, papers: Papers) -> Home:
    """A home that serve.toml is yet to be written into, with key, password and authority."""
    for name, text in {"key": secrets.token_hex(16), "password": "secret", "short": "k"}.items():
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "authority.crt").write_bytes(papers.authority.read_bytes())
    return Home(path=tmp_path, mode=Mode.TEST, clock=DrivenClock())


def opened(home: Home, text: str) -> Mapping[str, Notifier]:
    (home.path / "serve.toml").write_text(SERVE + text, encoding="utf-8")
    return open_channels(home, load(home, "serve.toml", ServeSettings))


WEBHOOK = '[notify.webhook]\nurl = "https://h/x"\nkey_file = "key"\n'
SYSLOG = '[notify.syslog]\nhost = "h"\n'
MAIL = '[notify.mail]\nhost = "h"\nsender = "bidui@h"\nrecipients = ["a@h"]\n'


def test_only_what_is_set_is_a_channel(home: Home) -> None:
    assert dict(opened(home, "")) == {}
    assert opened(home, SYSLOG).keys() == {"syslog"}
    assert opened(home, WEBHOOK + SYSLOG + MAIL).keys() == {"webhook", "syslog", "mail"}


WRONG = {
    "a word that is not known": (SYSLOG + "protocol = 1\n", "protocol"),
    "a channel that is not known": ('[notify.fax]\nnumber = "1"\n', "fax"),
    "an address without TLS": (WEBHOOK.replace("https", "http"), "notify.webhook: url must be an https address"),
    "a key that is short": (WEBHOOK.replace('"key"', '"short"'), "notify.webhook: the key must have"),
    "an authority that is none": (WEBHOOK + 'authority_file = "key"\n', "notify.webhook: authority_file"),
    "an authority that is not there": (MAIL + 'authority_file = "gone"\n', "notify.mail: authority_file"),
    "another transport": (SYSLOG + 'transport = "relp"\n', "transport"),
    "a facility beyond them": (SYSLOG + "facility = 24\n", "facility"),
    "port 0": (SYSLOG + "port = 0\n", "port"),
    "a host that is an address": (SYSLOG.replace('"h"', '"https://h"'), "host"),
    "no time": (SYSLOG + "timeout_seconds = 0\n", "timeout_seconds"),
    "mail in clear": (MAIL + 'security = "none"\n', "security"),
    "mail to nobody": (MAIL.replace('["a@h"]', "[]"), "recipients"),
    "mail to no address": (MAIL.replace("a@h", "a"), "recipients"),
    "mail to two in one": (MAIL.replace("a@h", "a@h, b@h"), "recipients"),
    "mail to two, one nameless": (MAIL.replace("a@h", "a@h,b"), "recipients"),
    "a line's end in an address": (MAIL.replace("a@h", "a@h\\n"), "recipients"),
    "a line's end in a host": (SYSLOG.replace('"h"', '"h\\n"'), "host"),
    "a header in an address": (MAIL.replace("a@h", "a@h\\\\nBcc: x"), "recipients"),
    "a user without password": (MAIL + 'username = "u"\n', "notify.mail: username and password_file"),
    "a password without user": (MAIL + 'password_file = "password"\n', "notify.mail: username and password_file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_setting_that_is_wrong_is_named(home: Home, case: str) -> None:
    text, named = WRONG[case]

    with pytest.raises(SettingsError, match=named):
        opened(home, text)


@pytest.mark.parametrize("text", [WEBHOOK, MAIL + 'username = "u"\npassword_file = "key"\n'])
def test_a_key_that_others_can_read_is_refused(home: Home, text: str) -> None:
    (home.path / "key").chmod(0o644)

    with pytest.raises(KeyFileError, match="others"):
        opened(home, text)


def test_notices_name_the_installation_by_its_log(home: Home) -> None:
    opened(home, "")

    assert product(load(home, "serve.toml", ServeSettings))["uid"] == "o.example/audit/1"


# --------------------------------------------------------------------------------------------- notify-test


def notify_test(home: Home, *options: str) -> tuple[int, str]:
    arguments = ["watch", "notify-test", "--home", str(home.path), *options]
    done = RUN.invoke(app, arguments, env={"BIDUI_MODE": "test"})
    return done.exit_code, done.stdout + done.stderr


def test_a_trial_goes_to_every_channel(home: Home, papers: Papers) -> None:
    heard: list[bytes] = []
    post = Post(papers.server())
    with webhook(papers) as posted, listening(collecting(heard)) as port, listening(post.serve) as mail:
        trust = 'authority_file = "authority.crt"\ntimeout_seconds = 20\n'
        opened(
            home,
            WEBHOOK.replace("https://h/x", posted.url)
            + trust
            + SYSLOG.replace('"h"', f'"{HOST}"\nport = {port}\ntransport = "tcp"')
            + MAIL.replace('"h"', f'"{HOST}"\nport = {mail}')
            + trust,
        )
        code, said = notify_test(home)

    assert (code, said.splitlines()) == (0, ["webhook：已送达", "syslog：已送达", "mail：已送达"])
    assert json.loads(posted.heard[0][2])["metadata"]["labels"] == ["test"]
    assert b" node-7 bidui - " in heard[0]
    assert len(post.taken) == 1


def test_a_trial_that_does_not_arrive_is_told_and_the_others_go_out(home: Home, papers: Papers) -> None:
    (dead,) = free_ports(1)
    with webhook(papers) as posted:
        text = WEBHOOK.replace("https://h/x", posted.url) + 'authority_file = "authority.crt"\ntimeout_seconds = 20\n'
        opened(home, text + SYSLOG.replace('"h"', f'"{HOST}"\nport = {dead}'))
        code, said = notify_test(home)
        _, listed = notify_test(home, "--json")

    assert (code, said.splitlines()) == (1, ["webhook：已送达", "syslog：未送达（syslog: nobody listens there）"])
    assert json.loads(listed) == {
        "webhook": {"sent": True, "cause": ""},
        "syslog": {"sent": False, "cause": "syslog: nobody listens there"},
    }


def test_without_a_channel_it_says_what_to_write(home: Home) -> None:
    opened(home, "")
    code, said = notify_test(home)

    assert code == 2
    assert "[notify.webhook]" in said

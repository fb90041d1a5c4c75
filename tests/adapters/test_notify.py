"""Channels deliver to whom they should and to nobody else; whatever goes wrong is told by its cause alone."""

from __future__ import annotations

import hmac
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest

from adapters.notify.mail import Account, Mail, letter
from adapters.notify.syslog import LONGEST, Syslog, Transport, counted, message
from adapters.notify.webhook import SIGNATURE, Webhook
from gateway.domain.errors import UnavailableError
from gateway.domain.incident import Action, State
from gateway.watch.notice import Notifier, notice, short
from tests.homes import free_ports
from tests.incidents import NUMBER, PRODUCT, a_finding, an_incident
from tests.make import an_id
from tests.receivers import (
    HOST,
    Papers,
    Post,
    Serve,
    collecting,
    dripping,
    listening,
    make_papers,
    over_tls,
    silent,
    webhook,
)

KEY = b"k" * 32
NOTICE = notice(an_incident(), product=PRODUCT)
LONG, SECONDS = 20.0, 0.3
"""How long is waited for servers that answer, and for those that do not."""
PATIENCE = 10 * SECONDS
"""No channel takes longer than this to give up."""


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    made = make_papers(tmp_path_factory.mktemp("papers"))
    with webhook(made) as posted:  # The first one ever imports what it needs, which takes longer than we wait here.
        Webhook(posted.url, KEY, authority=made.authority, seconds=LONG).send(NOTICE)
    return made


def a_webhook(url: str, papers: Papers, authority: Path | None = None, seconds: float = LONG) -> Webhook:
    return Webhook(url, KEY, authority=authority or papers.authority, seconds=seconds)


def a_syslog(
    port: int, papers: Papers, transport: Transport = "tls", *, authority: Path | None = None, seconds: float = LONG
) -> Syslog:
    trusted = authority or papers.authority
    return Syslog(HOST, port, transport=transport, node="node-1", authority=trusted, seconds=seconds)


def a_mail(port: int, papers: Papers, authority: Path | None = None, **more: object) -> Mail:
    told: dict[str, object] = {"sender": "bidui@smz.example", "recipients": ["a@smz.example", "b@smz.example"]}
    made = {**told, "authority": authority or papers.authority, "seconds": LONG, **more}
    return Mail(HOST, port, **made)  # type: ignore[arg-type]  # each test names what it changes


# ----------------------------------------------------------------------------------------------- webhook


def test_a_webhook_gets_the_notice_signed(papers: Papers) -> None:
    with webhook(papers) as posted:
        a_webhook(posted.url, papers).send(NOTICE)

    [(path, headers, body)] = posted.heard
    assert path == "/alarms"
    assert headers["content-type"] == "application/json"
    assert headers[SIGNATURE] == f"sha256={hmac.new(KEY, body, sha256).hexdigest()}"
    assert json.loads(body) == NOTICE


@pytest.mark.parametrize("status", [200, 204])
def test_a_webhook_may_take_it_as_it_likes(papers: Papers, status: int) -> None:
    with webhook(papers, status) as posted:
        a_webhook(posted.url, papers).send(NOTICE)


@pytest.mark.parametrize("status", [400, 413, 503])
def test_a_webhook_that_does_not_take_it_is_told(papers: Papers, status: int) -> None:
    with webhook(papers, status) as posted, pytest.raises(UnavailableError, match=f"it answers {status}"):
        a_webhook(posted.url, papers).send(NOTICE)


@pytest.mark.parametrize("status", [302, 308])
def test_no_redirect_is_followed(papers: Papers, status: int) -> None:
    with (
        webhook(papers) as elsewhere,
        webhook(papers, status, location=elsewhere.url) as posted,
        pytest.raises(UnavailableError, match=f"it answers {status}"),
    ):
        a_webhook(posted.url, papers).send(NOTICE)

    assert (len(posted.heard), elsewhere.heard) == (1, [])


def test_no_proxy_of_the_environment_is_asked(papers: Papers, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{HOST}:1")

    with webhook(papers) as posted:
        a_webhook(posted.url, papers).send(NOTICE)

    assert len(posted.heard) == 1


@pytest.mark.parametrize(
    "url", ["http://h/", "https:///x", "https://user@h/", "https://u:p@h/", "https://h/#x", "ftp://h/", "h", ""]
)
def test_an_address_that_is_no_good_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https address"):
        Webhook(url, KEY)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Webhook("https://h/", b"k" * 31)


# ------------------------------------------------------------------------------------------------ syslog


def test_syslog_over_tls_is_counted_in_octets(papers: Papers) -> None:
    heard: list[bytes] = []
    with listening(over_tls(papers.server(), collecting(heard))) as port:
        a_syslog(port, papers).send(NOTICE)

    assert heard == [counted(message(NOTICE, node="node-1"))]


def test_syslog_over_tcp_is_counted_in_octets(papers: Papers) -> None:
    heard: list[bytes] = []
    with listening(collecting(heard)) as port:
        a_syslog(port, papers, "tcp").send(NOTICE)

    length, _, rest = heard[0].partition(b" ")
    assert int(length) == len(rest)
    assert rest == message(NOTICE, node="node-1")


def test_syslog_over_udp_is_one_datagram(papers: Papers) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOST, 0))
        server.settimeout(5)
        a_syslog(server.getsockname()[1], papers, "udp").send(NOTICE)

        assert server.recv(4096) == message(NOTICE, node="node-1")


def test_a_syslog_server_that_ends_tcp_without_ending_tls_has_read_it(papers: Papers) -> None:
    heard: list[bytes] = []

    def rude(line: socket.socket) -> None:
        heard.append(b"".join(iter(lambda: line.recv(4096), b"")))

    with listening(over_tls(papers.server(), rude)) as port:
        a_syslog(port, papers).send(NOTICE)

    assert heard == [counted(message(NOTICE, node="node-1"))]


def test_a_syslog_message_is_rfc_5424() -> None:
    text = message(NOTICE, node="node-1", facility=10)
    head, bom, said = text.partition(b"\xef\xbb\xbf")

    assert head == b"<83>1 2026-11-20T03:30:00.000000Z node-1 bidui - miss_rate - "
    assert bom
    assert said.decode() == " / ".join(short(NOTICE).splitlines())


PRIORITIES = {"record": 110, "throttle": 109, "step_up": 108, "hold": 107, "freeze_grant": 106}


@pytest.mark.parametrize("action", PRIORITIES)
def test_the_harder_the_action_the_more_urgent_for_syslog(action: str) -> None:
    made = notice(an_incident(a_finding(action=Action[action.upper()])), product=PRODUCT)

    assert message(made).startswith(f"<{PRIORITIES[action]}>1 ".encode())


def test_a_message_cannot_be_split_or_grow_beyond_its_bound() -> None:
    others = tuple(f"〔2026〕{n}号" for n in range(900))
    made = notice(an_incident(others=others), product=PRODUCT)
    made["message"] = f"{'长' * 900}\n{'long ' * 400}"

    text = message(made, node="node\n<1>1 forged")

    assert len(text) <= LONGEST
    assert b"\n" not in text
    assert text.split(b" ")[2] == b"node<1>1forged"
    assert text.decode()


# -------------------------------------------------------------------------------------------------- mail


@contextmanager
def posting(post: Post, *, tls: bool = False) -> Iterator[int]:
    with listening(over_tls(post.context, post.serve) if tls else post.serve) as port:
        yield port


def opened(taken: bytes) -> EmailMessage:
    return message_from_bytes(taken, policy=policy.default)


def test_mail_goes_out_over_starttls(papers: Papers) -> None:
    post = Post(papers.server())
    with posting(post) as port:
        a_mail(port, papers).send(NOTICE)

    assert [each.split(" ")[0] for each in post.commands[:3]] == ["ehlo", "STARTTLS", "ehlo"]
    assert [each for each in post.commands if each.startswith("rcpt")] == [
        "rcpt TO:<a@smz.example>",
        "rcpt TO:<b@smz.example>",
    ]
    letter_ = opened(post.taken[0])
    assert letter_["subject"].startswith(f"[比对 Bidui] 高 {NUMBER} 新对象中查无此号的比例异常")
    [text, attached] = letter_.iter_parts()
    body = cast("EmailMessage", text).get_content()
    assert body.startswith(short(NOTICE))
    assert NOTICE["remediation"]["desc"].splitlines()[1] in body.replace("\n", " ")
    assert cast("EmailMessage", attached).get_filename() == f"incident-{NUMBER}.json"
    assert json.loads(cast("EmailMessage", attached).get_content()) == NOTICE


def test_mail_goes_out_over_tls_with_an_account(papers: Papers) -> None:
    password = "AGJpZHVpAHNlY3JldA=="  # NUL bidui NUL secret, in base64
    post = Post(papers.server(), starts_tls=False, password=password)
    with posting(post, tls=True) as port:
        a_mail(port, papers, security="tls", account=Account("bidui", "secret")).send(NOTICE)

    assert f"AUTH PLAIN {password}" in post.commands
    assert len(post.taken) == 1


def test_a_wrong_password_is_told_by_its_code(papers: Papers) -> None:
    post = Post(papers.server(), password="other")
    with posting(post) as port, pytest.raises(UnavailableError, match="mail: it answers 535") as caught:
        a_mail(port, papers, account=Account("bidui", "secret")).send(NOTICE)

    assert "secret" not in repr(caught.value)
    assert post.taken == []


def test_nothing_is_mailed_in_clear(papers: Papers) -> None:
    post = Post(papers.server(), starts_tls=False)
    with posting(post) as port, pytest.raises(UnavailableError, match="SMTPNotSupportedError"):
        a_mail(port, papers).send(NOTICE)

    assert [each.split(" ")[0] for each in post.commands] == ["ehlo", "QUIT"]


def test_one_refused_recipient_keeps_it_from_no_other(papers: Papers) -> None:
    post = Post(papers.server(), refused=("a@smz",))
    with posting(post) as port:
        a_mail(port, papers).send(NOTICE)

    assert len(post.taken) == 1


def test_without_any_recipient_it_is_not_delivered(papers: Papers) -> None:
    post = Post(papers.server(), refused=("a@smz", "b@smz"))
    with posting(post) as port, pytest.raises(UnavailableError, match="every recipient is refused"):
        a_mail(port, papers).send(NOTICE)

    assert post.taken == []


def test_a_letter_has_one_id_however_often_it_is_sent() -> None:
    made, again = (letter(NOTICE, sender="bidui@smz.example", recipients=["a@smz.example"]) for _ in range(2))
    released = letter(
        notice(an_incident(state=State.RELEASED), product=PRODUCT), sender="bidui@smz.example", recipients=["a@b"]
    )

    assert made["message-id"] == again["message-id"] == f"<{NUMBER}-open-3@smz.example>"
    assert released["message-id"] != made["message-id"]


# -------------------------------------------------------------------------------------------- all of them

Make = Callable[[int, Papers, Path | None, float], Notifier]
CHANNELS: dict[str, Make] = {
    "webhook": lambda port, papers, trust, wait: a_webhook(f"https://{HOST}:{port}/", papers, trust, wait),
    "syslog over tls": lambda port, papers, trust, wait: a_syslog(port, papers, authority=trust, seconds=wait),
    "syslog over tcp": lambda port, papers, _, wait: a_syslog(port, papers, "tcp", seconds=wait),
    "mail": lambda port, papers, trust, wait: a_mail(port, papers, trust, seconds=wait),
    "mail over tls": lambda port, papers, trust, wait: a_mail(port, papers, trust, seconds=wait, security="tls"),
}
ENCRYPTED = [name for name in CHANNELS if name != "syslog over tcp"]


def a_server(name: str, papers: Papers, heard: list[bytes]) -> Serve:
    """One that would take a notice."""
    post = Post(papers.server(), taken=heard)
    if name.startswith("mail"):
        return post.serve if name == "mail" else over_tls(papers.server(), post.serve)
    return over_tls(papers.server(), collecting(heard))


@pytest.mark.parametrize("name", CHANNELS)
def test_nobody_listening_is_told(name: str, papers: Papers) -> None:
    (port,) = free_ports(1)

    with pytest.raises(UnavailableError, match="nobody listens there"):
        CHANNELS[name](port, papers, None, SECONDS).send(NOTICE)


@pytest.mark.parametrize("name", ENCRYPTED)
def test_a_server_of_another_authority_gets_nothing(name: str, papers: Papers) -> None:
    heard: list[bytes] = []
    with (
        listening(a_server(name, papers, heard)) as port,
        pytest.raises(UnavailableError, match="certificate is not trusted"),
    ):
        CHANNELS[name](port, papers, papers.stranger, LONG).send(NOTICE)

    assert heard == []


def test_a_server_of_another_name_gets_nothing(papers: Papers) -> None:
    """The certificate is of 127.0.0.1 alone."""
    heard: list[bytes] = []
    with listening(over_tls(papers.server(), collecting(heard))) as port:
        with pytest.raises(UnavailableError, match="of another name"):
            Syslog("localhost", port, authority=papers.authority, seconds=LONG).send(NOTICE)
        with pytest.raises(UnavailableError, match="of another name"):
            a_webhook(f"https://localhost:{port}/", papers).send(NOTICE)

    assert heard == []


BEHAVIOURS: dict[str, Serve] = {
    "silent": silent,
    "dripping": dripping(b""),
    "ending": lambda line: line.close(),
    "talking nonsense": lambda line: line.sendall(b"\x00\xff" * 4000),
}


# One that ends TCP in good order is one that has read everything: nobody can tell.
MISBEHAVING = [
    (name, each) for name in CHANNELS for each in BEHAVIOURS if (name, each) != ("syslog over tcp", "ending")
]


@pytest.mark.parametrize(("name", "behaviour"), MISBEHAVING)
def test_a_server_that_misbehaves_is_given_up_soon(name: str, behaviour: str, papers: Papers) -> None:
    with listening(BEHAVIOURS[behaviour]) as port:
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=r"^(webhook|syslog|mail): "):
            CHANNELS[name](port, papers, None, SECONDS).send(NOTICE)

        assert time.monotonic() - began < PATIENCE


SLOW: dict[str, tuple[str, bytes]] = {
    "webhook": ("webhook", b"HTTP/1.1 200 OK\r\nx: "),
    "mail over tls": ("mail over tls", b"220-mail\r\n220-"),
    "mail": ("mail", b"220-mail\r\n220-"),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_server_that_drips_behind_its_greeting_is_given_up_soon(name: str, papers: Papers) -> None:
    serve = dripping(SLOW[name][1])
    with listening(serve if name == "mail" else over_tls(papers.server(), serve)) as port:
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            CHANNELS[name](port, papers, None, SECONDS).send(NOTICE)

        assert time.monotonic() - began < PATIENCE


def test_a_syslog_server_that_does_not_end_is_not_believed(papers: Papers) -> None:
    for transport, serve in {"tcp": silent, "tls": over_tls(papers.server(), silent)}.items():
        with listening(serve) as port, pytest.raises(UnavailableError, match="no answer in time"):
            a_syslog(port, papers, cast("Transport", transport), seconds=SECONDS).send(NOTICE)


def test_what_is_raised_tells_nothing_of_address_key_or_content(papers: Papers) -> None:
    (port,) = free_ports(1)
    secret = Webhook(f"https://{HOST}:{port}/hook/t0ken", KEY, seconds=SECONDS)

    with pytest.raises(UnavailableError) as caught:
        secret.send(NOTICE)

    assert not [each for each in ("t0ken", HOST, NUMBER, "kkk") if each in f"{caught.value!r}{secret!r}"]
    assert caught.value.__cause__ is None


def test_no_number_goes_out_by_any_channel(papers: Papers) -> None:
    number = an_id(7)
    made = notice(an_incident(samples=(number, number[:8] + "0a", "0a1b2c3d")), product=PRODUCT)
    heard: list[bytes] = []
    with webhook(papers) as posted, listening(collecting(heard)) as port:
        a_webhook(posted.url, papers).send(made)
        a_syslog(port, papers, "tcp").send(made)
    post = Post(papers.server(), taken=heard)
    with posting(post) as port:
        a_mail(port, papers).send(made)

    parts = [part for text in heard[1:] for part in opened(text).walk() if not part.is_multipart()]
    told = [posted.heard[0][2], *heard, *(cast("bytes", part.get_payload(decode=True)) for part in parts)]
    assert len(told) >= 5
    assert not [each for each in told if number.encode() in each]

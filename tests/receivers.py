"""Who notices are sent to: a webhook, a syslog server, a mail server, on this machine; well-behaved or not."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeAlias

from adapters.clock import SystemClock
from adapters.keys.certificates import make_authority, make_p256, pem
from adapters.keys.files import write_key

HOST = "127.0.0.1"
Serve: TypeAlias = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Papers:
    """Certificates: of a server on this machine, of the authority that issued it, and of one that did not."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "authority.crt"

    @property
    def stranger(self) -> Path:
        return self.folder / "stranger.crt"

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "tls.crt", self.folder / "tls.pem")
        return context


def make_papers(folder: Path) -> Papers:
    """Into a folder that is there."""
    now, key = SystemClock().now(), make_p256(secrets.token_bytes)
    authority, stranger = (make_authority(name, now, secrets.token_bytes) for name in ("Ours", "Another"))
    write_key(folder / "tls.pem", key, None)
    (folder / "tls.crt").write_bytes(pem(authority.server(key, [HOST], now, secrets.token_bytes)))
    (folder / "authority.crt").write_bytes(pem(authority.certificate))
    (folder / "stranger.crt").write_bytes(pem(stranger.certificate))
    return Papers(folder)


@contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """A port on which every connection is served in a thread of its own; what breaks there ends that connection."""
    end = threading.Event()
    with socket.create_server((HOST, 0)) as server:
        server.settimeout(0.05)

        def one(line: socket.socket) -> None:
            with suppress(OSError), line:
                line.settimeout(5)
                serve(line)

        def accept() -> None:
            while not end.is_set():
                with suppress(TimeoutError):
                    threading.Thread(target=one, args=[server.accept()[0]], daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            end.set()
            thread.join(5)


def silent(line: socket.socket) -> None:
    """Takes everything in, and never says nor ends anything."""
    while line.recv(4096):
        pass
    threading.Event().wait(5)


def dripping(start: bytes, drop: bytes = b"x") -> Serve:
    """Goes on saying a little, so that no single read ever takes long."""

    def serve(line: socket.socket) -> None:
        line.sendall(start)
        for _ in range(100):
            line.sendall(drop)
            threading.Event().wait(0.05)

    return serve


def over_tls(context: ssl.SSLContext, serve: Serve) -> Serve:
    """The same behind TLS."""

    def wrapped(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as secret:
            serve(secret)

    return wrapped


# ------------------------------------------------------------------------------------------------------- webhook


@dataclass
class Posted:
    """What a webhook heard, and what it answers."""

    status: int = 204
    location: str = ""
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def webhook(papers: Papers, status: int = 204, location: str = "") -> Iterator[Posted]:
    """A receiver over TLS."""
    posted = Posted(status, location)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            posted.heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(posted.status)
            if posted.location:
                self.send_header("location", posted.location)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server names it
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # a wrong certificate is no error here
    server.socket = papers.server().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    posted.url = f"https://{HOST}:{server.server_port}/alarms"
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield posted
    finally:
        server.shutdown()
        server.server_close()


# -------------------------------------------------------------------------------------------------------- syslog


def collecting(heard: list[bytes]) -> Serve:
    """Reads to the end, as syslog servers do, and ends."""

    def serve(line: socket.socket) -> None:
        read = b"".join(iter(lambda: line.recv(4096), b""))
        heard.append(read)
        if isinstance(line, ssl.SSLSocket):
            with suppress(OSError):
                line.unwrap()

    return serve


# ---------------------------------------------------------------------------------------------------------- mail


@dataclass
class Post:
    """A mail server: what it took, from whom, for whom; and how it behaves."""

    context: ssl.SSLContext
    starts_tls: bool = True
    refused: tuple[str, ...] = ()
    password: str = ""
    taken: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def serve(self, line: socket.socket) -> None:
        """One conversation."""
        line.sendall(b"220 mail\r\n")
        self._talk(line)

    def _talk(self, line: socket.socket) -> None:
        while True:
            command = _line_of(line)
            if not command:
                return
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            if verb == "STARTTLS":
                line.sendall(b"220 go\r\n")
                over_tls(self.context, self._talk)(line)
                return
            if verb == "DATA":
                line.sendall(b"354 go\r\n")
                self.taken.append(_letter_of(line))
                line.sendall(b"250 taken\r\n")
            else:
                line.sendall(self._answer(verb, command, is_tls=isinstance(line, ssl.SSLSocket)))
            if verb == "QUIT":
                return

    def _answer(self, verb: str, command: str, *, is_tls: bool) -> bytes:
        match verb:
            case "EHLO" if self.starts_tls and not is_tls:
                return b"250-mail\r\n250 STARTTLS\r\n"
            case "EHLO":
                return b"250-mail\r\n250 AUTH PLAIN\r\n" if self.password else b"250 mail\r\n"
            case "AUTH":
                return b"235 in\r\n" if command.endswith(self.password) else b"535 no\r\n"
            case "RCPT" if any(each in command for each in self.refused):
                return b"550 nobody\r\n"
            case "QUIT":
                return b"221 bye\r\n"
            case _:
                return b"250 ok\r\n"


def _line_of(line: socket.socket) -> str:
    read = b""
    while not read.endswith(b"\r\n"):
        byte = line.recv(1)
        if not byte:
            return ""
        read += byte
    return read[:-2].decode()


def _letter_of(line: socket.socket) -> bytes:
    read = b""
    while not read.endswith(b"\r\n.\r\n"):
        read += line.recv(4096)
    return read[:-3]

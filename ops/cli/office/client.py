"""The HTTP client of people's commands: TLS, one origin, cookies and the session's token; problems become errors."""

from __future__ import annotations

import ssl
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httpx2
import msgspec
import typer
from msgspec.structs import replace

from ops.cli.console import Exit, say_json, told
from ops.cli.office.problems import OfficeError, problem_of
from ops.cli.office.session import Gateway, Session, read_session, session_path, write_session

METADATA = "/.well-known/oauth-authorization-server"
TIMEOUT = 120.0
"""Rulebooks of ten thousand rules are examined while the request waits."""

Told = dict[str, object]


class OfficeClient:
    """Speaks to one gateway for one person. Whatever changes of the session is written back at once."""

    def __init__(self, session: Session, path: Path | None = None, transport: httpx2.BaseTransport | None = None):
        self.session, self._path = session, path
        self._came: dict[str, str] = {}
        gateway = session.gateway
        self._http = httpx2.Client(
            base_url=gateway.url,
            verify=_tls(gateway),
            trust_env=False,
            timeout=TIMEOUT,
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str) -> Told:
        """One look."""
        return self._told(self._send("GET", path))

    def post(self, path: str, body: Mapping[str, object]) -> Told:
        """One change."""
        return self._told(self._send("POST", path, dict(body)))

    def fetch(self, path: str) -> bytes:
        """What a door hands out as a file."""
        return self._send("POST", path, {}).content

    def upload(self, path: str, content: Iterator[bytes], media: str) -> Told:
        """Sends a file, a piece at a time."""
        return self._told(self._send("POST", path, content=content, media=media))

    def delete(self, path: str) -> None:
        """Takes something away."""
        self._send("DELETE", path)

    def keep(self, session: Session) -> None:
        """Remembers a session, with the cookies that came meanwhile."""
        self.session = replace(session, cookies=self.session.cookies | self._came)
        if self._path is not None:
            write_session(self._path, self.session)

    def origin(self) -> str:
        """Which site our requests belong to."""
        if not self.session.gateway.origin:
            issuer = self._told(self._send("GET", METADATA)).get("issuer")
            gateway = replace(self.session.gateway, origin=str(issuer))
            self.session = replace(self.session, gateway=gateway)
        return self.session.gateway.origin

    def _send(
        self,
        method: str,
        path: str,
        body: Told | None = None,
        *,
        content: Iterator[bytes] | None = None,
        media: str = "",
    ) -> httpx2.Response:
        headers = {} if method == "GET" else {"origin": self.origin(), "x-bidui-token": self.session.token}
        if cookies := self.session.cookies | self._came:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if media:
            headers["content-type"] = media
        try:
            response = self._http.request(method, path, json=body, content=content, headers=headers)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise OfficeError(
                f"无法连接网关（{type(error).__name__}），请核对 --url、--ca 与网络", kind="unreachable"
            ) from None
        # The client's own jar would send a cookie beside its successor; ours knows one gateway and one of each name.
        self._came |= dict(response.cookies.items())
        self._http.cookies.clear()
        if response.status_code >= 300:
            raise problem_of(response)
        return response

    @staticmethod
    def _told(response: httpx2.Response) -> Told:
        if response.status_code == 204:
            return {}
        try:
            return msgspec.json.decode(response.content, type=Told)
        except msgspec.DecodeError:
            raise OfficeError("答复者不像比对网关，请核对 --url", kind="protocol") from None


def make_gateway(
    url: str, *, origin: str = "", ca: Path | None = None, cert: Path | None = None, cert_key: Path | None = None
) -> Gateway:
    """How a gateway is reached, from options. Raises `OfficeError`."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc:
        raise OfficeError("--url 应为 https 地址，如 https://bidui.example.gov", Exit.USAGE, "usage")
    paths = [str(each.absolute()) if each else "" for each in (ca, cert, cert_key)]
    return Gateway(f"https://{parts.netloc}", origin, *paths)


@contextmanager
def errors_told(*, as_json: bool) -> Iterator[None]:
    """Turns what goes wrong into words, or a document, and an exit code."""
    with told():
        try:
            yield
        except OfficeError as error:
            if as_json:
                say_json(error.document())
            else:
                typer.echo(str(error), err=True)
            raise typer.Exit(error.code) from None


@contextmanager
def at_office(session: Path | None, *, as_json: bool) -> Iterator[OfficeClient]:
    """The gateway that this user is signed in to; errors told."""
    with errors_told(as_json=as_json):
        path = session_path(session)
        kept = read_session(path)
        if kept is None:
            raise OfficeError("尚未登录：请先运行 bidui sign-in", Exit.FAILED, "unauthorised")
        client = OfficeClient(kept, path)
        try:
            yield client
        finally:
            client.close()


def rows(told: Mapping[str, object], name: str) -> list[Told]:
    """A list of tables in an answer. Raises `OfficeError` when there is none."""
    found = told.get(name)
    if not isinstance(found, list):
        raise OfficeError("答复者不像比对网关，请核对 --url", kind="protocol")
    return [cast("Told", each) for each in cast("list[object]", found) if isinstance(each, dict)]


def to_text(value: bytes) -> str:
    """Bytes as the doors of the office write them."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def from_text(value: object) -> bytes:
    """The bytes of such a text. Raises `OfficeError`."""
    try:
        return urlsafe_b64decode(f"{value}{'=' * (-len(str(value)) % 4)}")
    except ValueError:
        raise OfficeError("答复者不像比对网关，请核对 --url", kind="protocol") from None


def _tls(gateway: Gateway) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=gateway.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if gateway.certificate:
            # An encrypted key is an error, never a prompt.
            context.load_cert_chain(gateway.certificate, gateway.certificate_key or None, password="")
    except OSError:
        raise OfficeError(
            "--ca、--cert、--cert-key 应为可读且相配的 PEM 文件，私钥不带口令", Exit.USAGE, "usage"
        ) from None
    return context

"""Pushed changes over HTTP: only with the secret, only whole, and never an echo of what was pushed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from ops.sync import BusyError, SyncError, listen, running
from ops.sync.listening import HOST
from tests.adapters.make_sources import a_row, number_of
from tests.ops.make_sync import Office

SECRET = "s" * 40
NAME = str(a_row(1)["姓名"])


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office that was synced once and has a secret for pushes."""
    office = Office(tmp_path).told(push_secret_file="push.secret", listen_port=0)
    office.sync([a_row(1), a_row(2)])
    (tmp_path / "push.secret").write_text(SECRET + "\n", encoding="utf-8")
    (tmp_path / "push.secret").chmod(0o600)
    return office


@contextmanager
def _listening(office: Office) -> Iterator[int]:
    server = listen(office.settings, office.home, office.keys, office.catalogue)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _push(
    port: int, body: bytes, path: str = "/v1/changes/person", **headers: str
) -> tuple[int, str, dict[str, object]]:
    connection = HTTPConnection(HOST, port, timeout=20)
    connection.request("POST", path, body, {"Authorization": f"Bearer {SECRET}"} | headers)
    response = connection.getresponse()
    content: dict[str, object] = msgspec.json.decode(response.read())
    connection.close()
    return response.status, response.headers["Content-Type"], content


def _lines(*rows: dict[str, object]) -> bytes:
    return b"\n".join(map(msgspec.json.encode, rows))


def test_a_push_serves_when_it_is_answered(office: Office) -> None:
    with _listening(office) as port:
        status, media, content = _push(port, _lines(a_row(1, 性别="F"), a_row(2, 删除="1"), a_row(3, 性别="X")))

    assert (status, media) == (200, "application/json")
    assert content.pop("data_version")
    assert content == {"changed": 1, "removed": 1, "refused": {"field:sex": 1}}
    assert office.answer(number_of(1), NAME, sex="女") == {"sex": "match"}


REFUSED: dict[str, tuple[dict[str, str], str, bytes, int]] = {
    "another secret": ({"Authorization": "Bearer " + "t" * 40}, "person", b"{}", 401),
    "no secret": ({"Authorization": ""}, "person", b"{}", 401),
    "another scheme": ({"Authorization": f"Basic {SECRET}"}, "person", b"{}", 401),
    "another kind": ({}, "vehicle", b"{}", 503),
    "a broken line": ({}, "person", b'{"a":', 422),
    "a column too many": ({}, "person", b'{"x": 1}', 422),
    "no length": ({"Content-Length": "many"}, "person", b"", 411),
    "too much": ({"Content-Length": str(17 << 20)}, "person", b"", 413),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_taken_is_a_problem_and_changes_nothing(case: str, office: Office) -> None:
    headers, kind, body, wanted = REFUSED[case]
    with _listening(office) as port:
        status, media, content = _push(port, body, f"/v1/changes/{kind}", **headers)

    assert (status, media) == (wanted, "application/problem+json")
    assert content.keys() == {"type", "title", "status", "detail"}
    assert office.answer(number_of(1), NAME, sex="男") == {"sex": "match"}


def test_a_problem_never_echoes_a_row(office: Office) -> None:
    with _listening(office) as port:
        body = _lines(a_row(1)) + b'\n{"\xe8\xba\xab": "' + number_of(9).encode() + b'"}'
        _, __, content = _push(port, body)

    assert number_of(9) not in str(content)


def test_another_address_is_none(office: Office) -> None:
    with _listening(office) as port:
        assert _push(port, b"{}", "/v1/other")[0] == 404


def test_a_push_during_a_sync_is_told_to_come_again(office: Office) -> None:
    with _listening(office) as port, running._alone(office.path / "data" / "sync"):
        assert _push(port, _lines(a_row(1)))[0] == 409
    assert issubclass(BusyError, SyncError)


SECRETS = {"no file": ("", "push_secret_file"), "too short": ("short.secret", "32 characters")}


@pytest.mark.parametrize("case", SECRETS)
def test_there_is_no_listening_without_a_secret(case: str, office: Office) -> None:
    name, says = SECRETS[case]
    (office.path / "short.secret").write_text("short", encoding="utf-8")
    (office.path / "short.secret").chmod(0o600)
    told = office.told(push_secret_file=name)

    with pytest.raises(SyncError, match=says):
        listen(told.settings, told.home, told.keys, told.catalogue)

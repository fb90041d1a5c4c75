"""What the commands of officers say of what the watch stopped, from what the doors tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest

from gateway.domain.people import Duty
from ops.cli.office.client import OfficeClient, Told
from ops.cli.office.freezing import release_content
from ops.cli.office.problems import OfficeError
from ops.cli.office.stopping import stop_lines
from ops.cli.office.tasks import task_lines
from ops.cli.watch import incident_lines
from ops.demo.office import IDS, head_of
from tests.bygones import Bygones, bygones
from tests.desks import Insider, OpenOffice, a_desk_over
from tests.stops import harvest, incident_of, lying_now, release, watched

SECURITY, HEAD = IDS[Duty.SECURITY_ADMIN], head_of("caizheng")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bygones]:
    with closing(bygones(tmp_path_factory.mktemp("stopping") / "home")) as made:
        harvest(watched(made))
        yield made


@pytest.fixture(scope="module")
def office(world: Bygones) -> Iterator[OpenOffice]:
    with a_desk_over(world.home) as desk, closing(OpenOffice(desk)) as opened:
        yield opened


def client_of(who: Insider) -> OfficeClient:
    """Whatever a command asks, asked by somebody who is signed in."""

    class Asking:
        def get(self, path: str) -> Told:
            return cast("Told", who.get(path.removeprefix("/v1/office/")))

    return cast("OfficeClient", Asking())


def test_a_stop_is_told_in_two_lines(world: Bygones, office: OpenOffice) -> None:
    (stop,) = office.somebody(SECURITY).get("stops")["stops"]

    first, second = stop_lines(stop)

    number = lying_now(world).incident
    assert first.startswith("签批单 G-1 自 2026-06-30 ")
    assert f"由监测扣留，事件 {number}：新对象中查无此号的比例异常，观察到 " in first
    assert "bidui release grant.G-1" in second
    assert "2026-07-01 前无人处置即转为冻结" in second


def test_the_head_is_told_whom_to_ask(office: OpenOffice) -> None:
    tasks = office.somebody(HEAD).get("tasks")

    told = "\n".join(task_lines(tasks))

    assert "签批单 G-1 自 " in told
    assert "请凭事件编号联系编办安全管理员" in told
    assert "观察到" not in told


def test_an_incident_is_told_with_what_was_left(world: Bygones, office: OpenOffice) -> None:
    (incident,) = office.somebody(SECURITY).get("incidents")["incidents"]

    lines = "\n".join(incident_lines(incident))

    assert "hold  未处置" in lines
    assert "剩余额度：" in lines
    assert "bidui release grant.G-1" in lines
    assert incident_of(world, lying_now(world)).left["comparisons_per_day"] > 0


def test_a_release_names_the_incident_by_itself(world: Bygones, office: OpenOffice) -> None:
    client, number = client_of(office.somebody(SECURITY)), lying_now(world).incident

    assert release_content(client, "grant.G-1", None, None) == {"frozen": False, "incident": number}
    assert release_content(client, "grant.G-2", None, None) == {"frozen": False}
    assert release_content(client, "grant.G-1", "2026-07-05", 30)["exception"] == {
        "detector": "miss_rate",
        "until": "2026-07-05",
        "most": 30,
    }
    for target, until, most in (("grant.G-1", None, 30), ("grant.G-2", "2026-07-05", None)):
        with pytest.raises(OfficeError):
            release_content(client, target, until, most)


def test_a_release_of_what_only_asked_for_a_signature_names_it(world: Bygones, office: OpenOffice) -> None:
    client, number = client_of(office.somebody(SECURITY)), lying_now(world).incident

    assert release_content(client, "grant.G-2", "2026-07-05", None, number) == {
        "frozen": False,
        "incident": number,
        "exception": {"detector": "miss_rate", "until": "2026-07-05", "most": None},
    }
    with pytest.raises(OfficeError):
        release_content(client, "grant.G-2", None, None, number)


def test_what_was_new_is_told_in_words(world: Bygones, office: OpenOffice) -> None:
    (incident,) = office.somebody(SECURITY).get("incidents")["incidents"]
    finding = {"detector": "off_hours", "response": "step_up", "seen_zh": "系统 a（内网 类网络）非工作日 3 时使用"}

    lines = "\n".join(incident_lines({**incident, **finding, "release_zh": "签名即继续。"}))

    assert "非工作日 3 时使用，1 次" in lines
    assert f"bidui release grant.G-1 --incident {incident['incident']} --except-until …" in lines


def test_an_exception_is_told(world: Bygones, office: OpenOffice) -> None:
    release(world, lying_now(world), exception={"detector": "miss_rate", "until": "2026-07-05", "most": None})
    (incident,) = office.somebody(SECURITY).get("incidents")["incidents"]

    lines = list(incident_lines(incident))

    assert "已解除，例外期内" in lines[0]
    assert lines[-1] == "  例外：miss_rate 不计，到 2026-07-05 为止"
    assert not any("bidui release" in line for line in lines), "nothing is left to release"

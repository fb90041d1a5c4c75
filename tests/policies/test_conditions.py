"""When and from where: edges of minutes, weeks and networks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.conditions import (
    Period,
    first_minute,
    lies_in,
    local_minute,
    parse_address,
    parse_block,
    parse_times,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Period(parse_times("mon-fri 08:30-17:30"))
MOMENTS = st.datetimes(datetime(1992, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def here(text: str) -> int:
    return local_minute(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))


EDGES = {
    "a second before": ("2026-03-02T08:29:59", False),
    "the first minute": ("2026-03-02T08:30:00", True),
    "the last second": ("2026-03-02T17:29:59", True),
    "the end": ("2026-03-02T17:30:00", False),
    "Friday": ("2026-03-06T10:00:00", True),
    "Saturday": ("2026-03-07T10:00:00", False),
    "Sunday": ("2026-03-08T23:59:59", False),
}


@pytest.mark.parametrize(("text", "inside"), EDGES.values(), ids=EDGES)
def test_hours_begin_with_their_first_minute_and_end_before_their_last(text: str, inside: bool) -> None:
    assert OFFICE.covers(here(text)) is inside


def test_a_week_wraps_from_sunday_to_monday() -> None:
    sunday, monday = Period(parse_times("sun 23:00-24:00")), Period(parse_times("mon 00:00-01:00"))

    assert (sunday.covers(here("2026-03-08T23:59:59")), monday.covers(here("2026-03-08T23:59:59"))) == (True, False)
    assert (sunday.covers(here("2026-03-09T00:00:00")), monday.covers(here("2026-03-09T00:00:00"))) == (False, True)


def test_days_of_validity_begin_and_end_in_shanghai() -> None:
    day = first_minute(date(2026, 3, 2))
    period = Period(parse_times("mon-sun 00:00-24:00"), day, day + 24 * 60)

    assert not period.covers(here("2026-03-01T23:59:59"))
    assert period.covers(here("2026-03-02T00:00:00"))
    assert period.covers(here("2026-03-02T23:59:59"))
    assert not period.covers(here("2026-03-03T00:00:00"))


@given(MOMENTS)
def test_local_minutes_are_those_of_the_time_zone_files(at: datetime) -> None:
    local = at.astimezone(SHANGHAI)

    assert local_minute(at) == first_minute(local.date()) + local.hour * 60 + local.minute


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_a_full_week_covers_every_moment(at: datetime, later: timedelta) -> None:
    assert Period(parse_times("mon-sun 00:00-24:00")).covers(local_minute(at + later))


def test_a_naive_time_is_an_error() -> None:
    with pytest.raises(TypeError):
        local_minute(datetime(2026, 3, 2))  # noqa: DTZ001 - on purpose


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 128))
def test_networks_hold_what_the_standard_library_says(address: object, base: object, length: int) -> None:
    network = ip_network(f"{base}/{min(length, ip_address(str(base)).max_prefixlen)}", strict=False)
    parsed = parse_address(str(address))

    assert parsed is not None
    if parsed.version == ip_address(str(address)).version and not str(network).startswith("::ffff:"):
        assert lies_in(parsed, [parse_block(str(network))]) is (ip_address(str(address)) in network)


ADDRESSES = {
    "IPv4": ("10.1.2.3", True),
    "IPv4 in IPv6": ("::ffff:10.1.2.3", True),
    "IPv4 in IPv6, in hexadecimal": ("::ffff:a01:203", True),
    "outside": ("11.1.2.3", False),
    "the same number in IPv6": ("::a01:203", False),
}


@pytest.mark.parametrize(("text", "inside"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_has_one_reading(text: str, inside: bool) -> None:
    address = parse_address(text)

    assert address is not None
    assert lies_in(address, [parse_block("10.0.0.0/8")]) is inside


@pytest.mark.parametrize("text", ["", "10.1.2", "010.1.2.3", "10.1.2.3/8", "10.1.2.3 ", "localhost", "1" * 500])
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None

"""Thresholds at the command line: a shadow by one, an adoption that comes too early, and stricter at once by two.

People type commands, as in the story of the first partner, whose office this is.
"""

from __future__ import annotations

from hashlib import sha256

import pytest

from gateway.watch.threshold_file import read_file
from tests.journeys.test_first_partner import REFUSED, Story, story

pytestmark = pytest.mark.slow

__all__ = ["story"]
USAGE = 2


def test_nothing_is_loosened_in_a_hurry_and_what_two_sign_is_in_force(story: Story) -> None:
    sec, lead, home = story.who("bb-sec"), story.who("bb-lead"), ("--home", story.home.path)
    loose, strict = sec.private("loose.toml", "alarm = 30.0"), sec.private("strict.toml", "alarm = 9.0")

    assert sec.act("watch", "adopt", loose).code == USAGE, "nothing runs in the shadow yet"
    assert story.who("bb-sys").act("watch", "shadow", loose).code == REFUSED
    (told,) = sec.does("watch", "shadow", loose, "--key", sec.key, "--yes").json["deeds"]
    assert told["state"] == "in_force", "one signature is enough, because it decides nothing"

    report = sec.folder / "report.json"
    made = sec.ok("watch", "shadow-report", *home, "--out", report).json
    assert made["sha256"] == sha256(report.read_bytes()).hexdigest()
    early = sec.act("watch", "adopt", report, "--key", sec.key, "--yes")
    assert early.code == REFUSED
    assert "须满 30 天" in early.out
    assert read_file(sec.says("watch", "thresholds", *home).encode()).alarm == 13.8

    hurried = sec.act("watch", "tighten", loose, "--reason", "太吵")
    assert hurried.code == REFUSED
    assert "只能收严" in hurried.out
    (urgent,) = sec.proposes("watch", "tighten", strict, "--reason", "有人正在枚举")
    assert sec.tries_to_sign(urgent).code == REFUSED
    (done,) = lead.signs(urgent)

    assert done["state"] == "in_force"
    assert read_file(sec.says("watch", "thresholds", *home).encode()).alarm == 9.0
    told_of = [each["body"] for each in story.entries() if each["type"] == "deed.in_force"]
    assert [each["id"] for each in told_of if each["kind"] == "thresholds"] == ["shadow", "thresholds"]


def test_the_days_of_the_story_are_replayed(story: Story) -> None:
    day = f"{story.staff.clock.now():%Y-%m-%d}"

    told = story.who("bb-sec").run("watch", "replay", "--from", day, "--to", day, "--home", story.home.path)

    assert (told.code, told.json["verdict"]) == (0, "identical"), told

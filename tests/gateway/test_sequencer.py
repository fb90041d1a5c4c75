"""Many waiting callers, one turn at a time: order, gathering, the grid, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway import sequencer as module
from gateway.domain.errors import ConflictError, OverloadedError
from gateway.domain.reply import Answered, Failed, Reply, Request
from gateway.ports import Sealing, Withheld
from gateway.seal import Question
from gateway.sequencer import SHARE, TURN, WAITING, Sequencer
from tests.gateways import code_of
from tests.make import a_caller, a_request

GRID = 0.02
BASE = a_request(key="base")


def request(key: str, client: str = "hr-1", partner: str = "hr") -> Request:
    return Request(replace(a_caller(client=client), partner=partner), BASE.query, BASE.body, key)


class Waited:
    """A batch whose answer comes when the test writes to the other end of a socket."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()

    def fileno(self) -> int:
        return self.near.fileno()

    def questions(self) -> list[Question | Withheld]:
        return []

    def close(self) -> None:
        self.near.close()
        self.far.close()


@dataclass
class Echo:
    """A pipeline that answers each request with its key. Breaks, or waits, at the turns it is told to."""

    turns: list[list[str]] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    breaks_at: int = -1
    waits: dict[int, Waited] = field(default_factory=dict)
    running: int = 0
    most: int = 0

    def turn(self, requests: Sequence[Request]) -> Generator[Sealing, None, list[Reply]]:
        number = len(self.turns)
        self.turns.append([each.key for each in requests])
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if number in self.waits:
                yield self.waits[number]
            if number == self.breaks_at:
                raise RuntimeError("planted")
            return [Answered(each.key.encode()) for each in requests]
        finally:
            self.running -= 1
            self.ends.append(asyncio.get_running_loop().time())


def run(story: Callable[[Sequencer], Coroutine[Any, Any, None]], echo: Echo, grid: float = GRID) -> None:
    """Tells a story on a loop of its own, which must come to its end."""

    async def tell() -> None:
        await asyncio.wait_for(story(Sequencer(echo.turn, asyncio.get_running_loop(), grid)), 10)

    asyncio.run(tell())


# ---------------------------------------------------------------------------------------- gathering and order


def test_callers_of_one_moment_share_turns_in_their_order() -> None:
    echo, keys = Echo(), [f"k{number}" for number in range(2 * TURN + 88)]

    async def story(sequencer: Sequencer) -> None:
        replies = await asyncio.gather(*(sequencer.submit(request(key)) for key in keys))
        assert replies == [Answered(key.encode()) for key in keys]

    run(story, echo)

    assert [len(turn) for turn in echo.turns] == [TURN, TURN, 88]
    assert [key for turn in echo.turns for key in turn] == keys


def test_one_caller_alone_is_one_turn() -> None:
    echo = Echo()

    async def story(sequencer: Sequencer) -> None:
        for key in ("a", "b"):
            assert await sequencer.submit(request(key)) == Answered(key.encode())

    run(story, echo)

    assert echo.turns == [["a"], ["b"]]


def test_who_comes_while_a_turn_waits_is_in_the_next() -> None:
    waited = Waited()
    echo = Echo(waits={0: waited})

    async def story(sequencer: Sequencer) -> None:
        first = asyncio.create_task(sequencer.submit(request("first")))
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(sequencer.submit(request(key))) for key in ("b", "c")]
        await asyncio.sleep(0.05)
        assert not first.done()
        assert not any(other.done() for other in others)
        waited.far.send(b"!")
        assert await first == Answered(b"first")
        assert await asyncio.gather(*others) == [Answered(b"b"), Answered(b"c")]

    run(story, echo)
    waited.close()

    assert echo.turns == [["first"], ["b", "c"]]
    assert echo.most == 1


def test_the_loop_goes_on_while_a_turn_waits() -> None:
    waited = Waited()

    async def story(sequencer: Sequencer) -> None:
        first = asyncio.create_task(sequencer.submit(request("first")))
        beats = 0
        while beats < 20:
            await asyncio.sleep(0.001)
            beats += 1
        assert not first.done()
        waited.far.send(b"!")
        await first

    run(story, Echo(waits={0: waited}))
    waited.close()


def test_a_sealing_process_that_says_nothing_is_waited_for_no_longer_than_it_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    waited = Waited()
    echo = Echo(waits={0: waited})

    async def story(sequencer: Sequencer) -> None:
        assert await sequencer.submit(request("a")) == Answered(b"a")
        assert await sequencer.submit(request("b")) == Answered(b"b")

    run(story, echo)
    waited.close()


# ---------------------------------------------------------------------------------------- release


@pytest.mark.parametrize("callers", [1, 7])
def test_answers_leave_on_the_grid_and_never_before_their_turn_is_over(callers: int) -> None:
    echo, left = Echo(), list[float]()

    async def ask(sequencer: Sequencer, key: str) -> None:
        await sequencer.submit(request(key))
        left.append(asyncio.get_running_loop().time())

    async def story(sequencer: Sequencer) -> None:
        for moment in range(5):
            await asyncio.gather(*(ask(sequencer, f"{moment}-{n}") for n in range(callers)))

    run(story, echo)

    lines = [(end // GRID + 1) * GRID for end in echo.ends]
    slack = 0.001  # a loop may wake by the resolution of its clock too early
    assert len(left) == 5 * callers
    assert all(at >= lines[place // callers] - slack for place, at in enumerate(left))


def test_all_of_a_turn_leave_together() -> None:
    left: dict[str, float] = {}

    async def ask(sequencer: Sequencer, key: str) -> None:
        await sequencer.submit(request(key))
        left[key] = asyncio.get_running_loop().time()

    async def story(sequencer: Sequencer) -> None:
        await asyncio.gather(*(ask(sequencer, f"k{n}") for n in range(100)))

    run(story, Echo(), grid=0.2)

    assert max(left.values()) - min(left.values()) < 0.2


# ---------------------------------------------------------------------------------------- too many, too soon


def test_who_finds_the_queue_full_is_told_to_come_back() -> None:
    async def story(sequencer: Sequencer) -> None:
        asked = [request(f"k{n}", partner=f"p{n % 8}") for n in range(WAITING + 10)]
        replies = await asyncio.gather(*(sequencer.submit(each) for each in asked))
        errors = [reply.error for reply in replies if isinstance(reply, Failed)]
        assert len(errors) == 10
        assert all(isinstance(error, OverloadedError) for error in errors)
        assert isinstance(await sequencer.submit(request(f"k{WAITING + 9}")), Answered)

    run(story, Echo())


def test_a_partner_over_its_share_of_the_queue_keeps_nobody_else_out() -> None:
    async def story(sequencer: Sequencer) -> None:
        asked = [request(f"k{n}") for n in range(SHARE + 5)] + [request("other", partner="finance")]
        replies = await asyncio.gather(*(sequencer.submit(each) for each in asked))
        assert [isinstance(each, Failed) for each in replies] == [False] * SHARE + [True] * 5 + [False]
        assert isinstance(await sequencer.submit(request("later")), Answered)

    run(story, Echo())


def test_a_key_that_is_still_running_is_a_conflict_and_then_no_more() -> None:
    echo = Echo()

    async def story(sequencer: Sequencer) -> None:
        replies = await asyncio.gather(*(sequencer.submit(request("k")) for _ in range(3)))
        assert [code_of_any(reply) for reply in replies] == ["k", "ConflictError", "ConflictError"]
        assert await sequencer.submit(request("k")) == Answered(b"k")

    run(story, echo)

    assert echo.turns == [["k"], ["k"]]


def test_the_same_key_of_another_system_is_no_conflict() -> None:
    async def story(sequencer: Sequencer) -> None:
        replies = await asyncio.gather(*(sequencer.submit(request("k", client)) for client in ("hr-1", "hr-2")))
        assert replies == [Answered(b"k")] * 2

    run(story, Echo())


def code_of_any(reply: Reply) -> str:
    return reply.json.decode() if isinstance(reply, Answered) else code_of(reply)


def test_a_caller_who_hangs_up_leaves_its_key_running_until_its_turn_is_over() -> None:
    waited = Waited()
    echo = Echo(waits={0: waited})

    async def story(sequencer: Sequencer) -> None:
        first = asyncio.create_task(sequencer.submit(request("k")))
        await asyncio.sleep(0.01)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        again = await sequencer.submit(request("k"))
        assert isinstance(again, Failed)
        assert isinstance(again.error, ConflictError)
        waited.far.send(b"!")
        await asyncio.sleep(3 * GRID)
        assert await sequencer.submit(request("k")) == Answered(b"k")

    run(story, echo)
    waited.close()


def test_a_caller_who_hangs_up_disturbs_nobody() -> None:
    echo = Echo()

    async def story(sequencer: Sequencer) -> None:
        tasks = [asyncio.create_task(sequencer.submit(request(f"k{n}"))) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        assert await tasks[0] == Answered(b"k0")
        assert await tasks[2] == Answered(b"k2")

    run(story, echo)


# ---------------------------------------------------------------------------------------- it breaks


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after it waited"])
def test_a_turn_that_raises_leaves_nobody_waiting(waits: bool) -> None:
    waited = Waited()
    echo = Echo(breaks_at=0, waits={0: waited} if waits else {})
    waited.far.send(b"!")

    async def story(sequencer: Sequencer) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        replies = await asyncio.wait_for(
            asyncio.gather(*(sequencer.submit(request(key)) for key in "ab"), return_exceptions=True), 2
        )
        assert not [reply for reply in replies if isinstance(reply, Answered)]
        assert await asyncio.wait_for(sequencer.submit(request("c")), 2) == Answered(b"c")

    run(story, echo)
    waited.close()

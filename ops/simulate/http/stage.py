"""The stage of a simulation before a gateway that runs: whoever plays on it cannot tell it from the one in process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

from gateway.checking import WAITS
from gateway.domain.caller import Caller
from gateway.domain.habit import STEP_UP
from gateway.domain.incident import Incident
from gateway.domain.reply import Failed, Refused, Reply, Request, Wants
from ops.log_keys import read_log_keys
from ops.settings import Home, ServeSettings, load
from ops.simulate.asking import Asking
from ops.simulate.http.line import Line, account_of
from ops.simulate.http.office import Office
from ops.simulate.http.serving import serving
from ops.simulate.http.timepiece import Timepiece
from ops.simulate.partners import HOUR_SECONDS, Member
from ops.simulate.running import SimulationError
from ops.simulate.world import World


@dataclass
class HttpStage:
    """Keeps the promises of `ops.simulate.staged.Staged` with a gateway, its office, and lines between us."""

    world: World
    members: Sequence[Member]
    home: Home
    timepiece: Timepiece
    office: Office
    suspects: frozenset[str] = frozenset()
    answered: int = 0
    _hour: int = 0
    _lines: dict[tuple[str, str], Line] = field(default_factory=dict[tuple[str, str], Line])

    def __post_init__(self) -> None:
        self.asking = Asking(self.world, self.members, gate=True)
        self._vkey = read_log_keys(self.home, load(self.home, "serve.toml", ServeSettings), None).receipts.vkey

    def begin(self, day: int) -> None:
        """A morning: whom officers let go on because it was no attack, and what they think of yesterday's documents."""
        self.office.release(self.suspects)
        self.office.judge()

    def ask(self, second: int, requests: Sequence[Request], forged: Set[int] = frozenset()) -> list[Reply]:
        """The replies to what is asked one after the other, from so many seconds after the beginning of the year on."""
        if second // HOUR_SECONDS != self._hour:
            self._hour = second // HOUR_SECONDS
            self.office.sweep()
        self.timepiece.drive(second)
        self.answered += len(requests)
        replies = [self._ask(request, is_forged=place in forged) for place, request in enumerate(requests)]
        self.office.read_on()
        return replies

    def causes(self) -> Counter[tuple[str, str, str]]:
        """What was refused since this was asked last: by grant, reason and inner cause."""
        taken, self.office.causes = self.office.causes, Counter()
        return Counter({each: times for each, times in taken.items() if each[2] not in {WAITS, STEP_UP}})

    def locked(self) -> Counter[tuple[str, bytes]]:
        """Where too much had been asked, since this was asked last: by grant and link."""
        taken, self.office.locked = self.office.locked, Counter()
        return taken

    def incidents(self) -> Sequence[Incident]:
        """What the watch found."""
        return self.office.incidents()

    def close(self) -> None:
        """Hangs up."""
        for line in self._lines.values():
            line.close()

    def _ask(self, request: Request, *, is_forged: bool) -> Reply:
        line = self._line(request.caller)
        reply = line.compare(request)
        if isinstance(reply, Refused) and reply.wants is Wants.DOCUMENT:
            line.file(reply.incident, request)
            self.office.filed(reply.incident, is_forged=is_forged)
            reply = line.compare(request)
        if isinstance(reply, Failed):
            raise SimulationError(f"the gateway broke off: {reply.error}")
        return reply

    def _line(self, caller: Caller) -> Line:
        place = caller.client_id, caller.address
        if place not in self._lines:
            self._lines[place] = Line(account_of(self.home, caller, self._vkey, self.timepiece), self.timepiece)
        return self._lines[place]


@contextmanager
def on_stage(world: World, members: Sequence[Member], home: Home, spots: float) -> Iterator[HttpStage]:
    """`bidui serve` of a home, which starts its sealing process, for as long as the block lasts."""
    timepiece = Timepiece.of(home)
    with ExitStack() as stack:
        stack.enter_context(serving(home))
        office = stack.enter_context(closing(Office(home, spots)))
        yield stack.enter_context(closing(HttpStage(world, members, home, timepiece, office)))

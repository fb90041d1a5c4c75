"""Prometheus metrics. Labels are routes and status codes: nothing a caller chooses, nothing it was not told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_STATES = {"ok": 0, "degraded": 1, "sealed": 2}
_BUCKETS = (0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.032, 0.064, 0.128, 0.256, 1.0, 5.0)


class Metrics:
    """The product's metrics, in a registry of their own. Children are looked up once: that is most of their cost."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "bidui_requests", "Requests by route and status", ["route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "bidui_request_seconds", "Time from request to release", ["route"], buckets=_BUCKETS, registry=self.registry
        )
        self._broken = Counter(
            "bidui_turns_broken", "Turns that broke and were tried in halves", registry=self.registry
        )
        self._log_size = Gauge("bidui_log_entries", "Entries covered by the last checkpoint", registry=self.registry)
        self._sealed = Gauge(
            "bidui_log_sealed", "1 when the log is sealed and nothing is answered", registry=self.registry
        )
        self._state = Gauge(
            "bidui_log_state", "0 as it should be, 1 somebody must look, 2 nothing is answered", registry=self.registry
        )
        self._causes = Gauge(
            "bidui_log_cause", "1 while this is a cause of the state", ["cause"], registry=self.registry
        )
        self._data_time = Gauge("bidui_data_time_seconds", "Time of the data that answers", registry=self.registry)
        self._break_glass = Gauge(
            "bidui_break_glass", "People enrolled or ended past the usual path, ever", registry=self.registry
        )
        self._witnessed_size = Gauge(
            "bidui_witnessed_entries", "Entries covered by the last quorum of witnesses", registry=self.registry
        )
        self._witnessed_time = Gauge(
            "bidui_witnessed_time_seconds", "Time of the last quorum of witnesses", registry=self.registry
        )
        self._witnessing = Gauge(
            "bidui_witnessing",
            "0 as it should be, 1 late or doubtful, 2 nothing may be answered",
            registry=self.registry,
        )
        self._witness = Counter(
            "bidui_witness_requests", "Checkpoints of other logs handed in to us", ["status"], registry=self.registry
        )
        self._stated = Gauge(
            "bidui_statements_until_seconds", "End of the last day that has its statements", registry=self.registry
        )
        self._disputed = Gauge("bidui_statements_disputed", "Statements in dispute", registry=self.registry)
        self._stopped = Gauge(
            "bidui_watch_stopped",
            "Grants that the watch holds, or froze, until two people release them",
            ["response"],
            registry=self.registry,
        )
        self._throttled = Counter(
            "bidui_throttled", "Comparisons that came faster than they may", registry=self.registry
        )
        self._checks = Gauge(
            "bidui_spot_checks",
            "Spot checks that wait: for a document, or for a reviewer",
            ["state"],
            registry=self.registry,
        )
        self._notices = Counter(
            "bidui_notices", "Notices of incidents, by channel", ["channel", "outcome"], registry=self.registry
        )
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        known = self._children.get((route, status))
        if known is None:
            known = (self._requests.labels(route, str(status)), self._seconds.labels(route))
            self._children[route, status] = known
        known[0].inc()
        known[1].observe(seconds)

    def turn_broke(self) -> None:
        """A turn broke."""
        self._broken.inc()

    def signed(self, size: int) -> None:
        """A checkpoint covers this many entries."""
        self._log_size.set(size)

    def log_state(self, state: str, causes: Sequence[str]) -> None:
        """How the log stands, and why."""
        self._state.set(_STATES[state])
        self._sealed.set(int(state == "sealed"))
        self._causes.clear()
        for cause in causes:
            self._causes.labels(cause).set(1)

    def break_glass(self) -> None:
        """A deed of a person took the path that is for emergencies."""
        self._break_glass.inc()

    def witnessed(self, size: int, since: float, grade: int) -> None:
        """The last quorum of witnesses covers this many entries, as of this Unix time; how that stands."""
        self._witnessed_size.set(size)
        self._witnessed_time.set(since)
        self._witnessing.set(grade)

    def witness(self, status: int) -> None:
        """A checkpoint of another log was handed in, and answered with this status."""
        self._witness.labels(str(status)).inc()

    def stated(self, until: float) -> None:
        """Statements are made of everything before this Unix time."""
        self._stated.set(until)

    def disputed(self, disputes: int) -> None:
        """So many disputes are open."""
        self._disputed.set(disputes)

    def stopped(self, held: int, frozen: int) -> None:
        """So much is held by the watch, and so much frozen."""
        self._stopped.labels("held").set(held)
        self._stopped.labels("frozen").set(frozen)

    def throttled(self) -> None:
        """A comparison came faster than it may."""
        self._throttled.inc()

    def spot_checks(self, counts: Mapping[str, int]) -> None:
        """So many spot checks wait for their document (`due`), or to be judged (`filed`)."""
        for state in ("due", "filed"):
            self._checks.labels(state).set(counts.get(state, 0))

    def notice(self, channel: str, outcome: str) -> None:
        """A notice of an incident was `sent`, or `failed` and waits for its next try."""
        self._notices.labels(channel, outcome).inc()

    def adopted(self, data_time: float) -> None:
        """Answers come from data of this Unix time."""
        self._data_time.set(data_time)

    def serve(self, host: str, port: int) -> int:
        """Serves them on a port of their own, in a thread; the port that was bound."""
        server, _ = start_http_server(port, addr=host, registry=self.registry)
        return int(server.server_port)

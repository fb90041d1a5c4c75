"""Metrics: counted by route and code, and never by anything a caller chooses."""

from __future__ import annotations

import re

import httpx2
from prometheus_client import generate_latest

from adapters.metrics import Metrics
from tests.make import an_id

LABELS = {"route", "status", "le", "channel", "outcome"}


def text_of(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_requests_are_counted_and_timed_by_route_and_status() -> None:
    metrics = Metrics()
    for status, seconds in ((200, 0.003), (200, 0.02), (403, 0.003)):
        metrics.request("/v1/comparisons", status, seconds)

    assert value(metrics, "bidui_requests_total", route="/v1/comparisons", status="200") == 2
    assert value(metrics, "bidui_requests_total", route="/v1/comparisons", status="403") == 1
    assert value(metrics, "bidui_request_seconds_count", route="/v1/comparisons") == 3
    assert value(metrics, "bidui_request_seconds_bucket", route="/v1/comparisons", le="0.004") == 2


def test_states_are_told_as_they_change() -> None:
    metrics = Metrics()
    assert value(metrics, "bidui_log_sealed") == 0

    metrics.signed(17)
    metrics.adopted(1_782_000_000.0)
    metrics.turn_broke()
    metrics.log_state("sealed", ["disk_full"])
    metrics.notice("mail", "failed")

    assert value(metrics, "bidui_log_entries") == 17
    assert value(metrics, "bidui_data_time_seconds") == 1_782_000_000.0
    assert value(metrics, "bidui_turns_broken_total") == 1
    assert value(metrics, "bidui_log_sealed") == 1
    assert value(metrics, "bidui_notices_total", channel="mail", outcome="failed") == 1


def test_two_gateways_in_one_process_do_not_share_counts() -> None:
    one, two = Metrics(), Metrics()
    one.request("/healthz", 200, 0.001)

    assert value(two, "bidui_requests_total", route="/healthz", status="200") is None


def test_labels_are_routes_and_codes_alone() -> None:
    metrics = Metrics()
    metrics.request("/v1/comparisons", 200, 0.003)
    metrics.turn_broke()
    metrics.notice("webhook", "sent")

    names = set(re.findall(r'[{,](\w+)="', text_of(metrics)))
    assert names == LABELS


def test_metrics_are_served_on_a_port_of_their_own() -> None:
    metrics = Metrics()
    metrics.request("other", 404, 0.001)

    port = metrics.serve("127.0.0.1", 0)
    told = httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)

    assert told.status_code == 200
    assert 'bidui_requests_total{route="other",status="404"} 1.0' in told.text
    assert an_id(1) not in told.text

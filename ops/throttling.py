"""The chore of serve that tells officers who was throttled (限速) at this node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from audit.errors import AuditError
from gateway.domain.errors import UnavailableError
from gateway.watch.throttle import Name
from gateway.watch.throttled import tell_late
from ops.wiring import Gateway

THROTTLE_SECONDS = 15.0
log = structlog.get_logger()


async def tell_throttled(gateway: Gateway) -> None:
    """Once: what the door remembers is told, and forgotten when that is durable. Raises `GatewayError`."""
    late = gateway.throttle.late()
    if late and not gateway.pipeline.is_sealed:
        await asyncio.to_thread(tell_once, gateway, late)
        gateway.throttle.told(late)


def tell_once(gateway: Gateway, late: Mapping[Name, int]) -> None:
    """Tells it, in a thread. Raises `UnavailableError`."""
    pipeline, at = gateway.pipeline, gateway.home.clock.now()
    try:
        with gateway.desk.begin() as work:
            new = tell_late(
                work,
                late,
                key=pipeline.watch.key,
                epoch=work.epoch(),
                at=at,
                note=lambda drafts: pipeline.recorder.note(drafts, work.ledger, at),
            )
            if new:
                work.commit()
    except AuditError as error:
        raise UnavailableError("who was throttled cannot be told") from error
    for each in new:
        log.warning("throttled", incident=each.number)

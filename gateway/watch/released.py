"""What a release must name: the response of the watch that lies there in the very transaction that releases it.

A signature given for an older incident, or before there was any, is thereby good for no later one. Whoever lays or
escalates a response moves the control epoch, and deeds come into force under its lock: none comes in between.
"""

from __future__ import annotations

from typing import Protocol

from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import DeedStore, State
from gateway.deeds.releasing import Release, exemption_of, incident_of, release_in
from gateway.deeds.steps import RELEASE
from gateway.domain.incident import Incident, wants_proof
from gateway.domain.standing import Stop
from gateway.watch.lying import lying


class ResponseStore(Protocol):
    """Responses and incidents, inside one transaction."""

    def stop(self, target: str) -> Stop | None:
        """The last response that was laid on something, whether it lies there still or not."""
        ...

    def incident(self, number: str) -> Incident | None:
        """The incident of this number."""
        ...


def lies_on(target: str, watch: ResponseStore, deeds: DeedStore) -> Stop | None:
    """The response that lies on something now; None when there is none, or it was released."""
    laid = watch.stop(target)
    return lying([laid], releases_of(target, deeds)).get(target) if laid else None


def releases_of(target: str, deeds: DeedStore) -> list[Release]:
    """Every release of something that came into force."""
    kept = (each for each in deeds.attempts(Kind.FREEZE.value, target) if each.state is State.IN_FORCE)
    return [found for each in kept if (found := release_in(each)) is not None]


def check_released(document: Document, watch: ResponseStore, deeds: DeedStore) -> None:
    """Whether a release names what lies there, and excepts no other detector than that. Raises `DeedError`."""
    if document.path != RELEASE:
        return
    stop, named = lies_on(document.id, watch, deeds), incident_of(document.content)
    exemption = exemption_of(document)
    incident = watch.incident(named) if exemption else None
    if named != (stop.incident if stop else "") and not (stop is None and _wants_proof(incident, document)):
        raise DeedError(_told(stop))
    if exemption and (incident is None or incident.finding.detector is not exemption.detector):
        raise DeedError("例外只能给这一事件的检测 exception.detector，见 bidui watch incidents")


def _wants_proof(incident: Incident | None, document: Document) -> bool:
    """Whether an incident laid nothing on this grant and only asked for a fresh proof: an exception ends that."""
    if incident is None or not wants_proof(incident.finding):
        return False
    return document.id == f"{Kind.GRANT}.{incident.finding.grant}"


def _told(stop: Stop | None) -> str:
    if stop is None:
        return "监测在此没有未解除的事件，解除文书不写 incident；请重新拟稿"
    return f"此处由监测因事件 {stop.incident} 阻断，解除文书须写明 incident 为此编号；请核实后重新拟稿"

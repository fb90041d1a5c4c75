"""Incidents that stop nothing: what the ledger is told of them, so that officers find them there as well."""

from __future__ import annotations

from audit.events import Draft
from audit.watch_events import Found, watch_noticed
from gateway.domain.incident import Incident


def noticed(incident: Incident) -> Draft:
    """What the ledger is told."""
    finding = incident.finding
    found = Found(
        detector=finding.detector.value,
        observed=str(finding.observed),
        expected=str(finding.expected),
        days=finding.days,
        samples=incident.samples,
    )
    target = f"grant.{finding.grant}" if finding.grant else f"partner.{finding.partner}"
    return watch_noticed(incident=incident.number, target=target, found=found)

"""Incidents that stop nothing: what the ledger is told of them, so that officers find them there as well."""

from __future__ import annotations

from audit.events import Draft
from audit.watch_events import Found, watch_noticed
from gateway.domain.incident import Finding, Incident, Level


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
    return watch_noticed(incident=incident.number, target=_target(finding), found=found)


def _target(finding: Finding) -> str:
    if finding.principal.level is Level.SUBJECT:
        return f"subject.{finding.principal.name}"
    return f"grant.{finding.grant}" if finding.grant else f"partner.{finding.partner}"

"""OCSF Detection Finding (class 2004) as far as notices fill it: the members of version 1.5, the first with anomalies.

Each member is explained in docs/operations.md. Times are milliseconds since 1970, as OCSF has them.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

VERSION: Final = "1.5.0"
CATEGORY: Final = 2
CLASS: Final = 2004


class Product(TypedDict):
    """Which installation speaks: its `uid` is the name of its log."""

    name: str
    vendor_name: str
    uid: str
    version: NotRequired[str]


class Metadata(TypedDict):
    """`uid` is alike whenever the same news is sent again: receivers drop doubles by it."""

    version: str
    product: Product
    uid: str
    correlation_uid: str
    log_name: str
    labels: NotRequired[list[str]]


class Analytic(TypedDict):
    """The detector."""

    uid: str
    name: str
    desc: str
    type_id: Literal[1, 3]
    type: Literal["Rule", "Statistical"]


class FindingInfo(TypedDict):
    """The incident."""

    uid: str
    title: str
    desc: str
    analytic: Analytic
    created_time: int
    first_seen_time: int
    last_seen_time: int


class EvidenceData(TypedDict):
    """What officers judge by. `samples` are pseudonyms; `left` is what was left of each budget of the grant."""

    parameter: str
    observed: float
    expected: float
    window_days: int
    action: str
    count: int
    samples: list[str]
    others: list[str]
    left: dict[str, int]


class Evidence(TypedDict):
    """One piece of evidence."""

    name: str
    data: EvidenceData


class Target(TypedDict):
    """Whom the detector watches."""

    name: str
    type: str


class Timespan(TypedDict):
    """A window."""

    duration_days: int


class Observation(TypedDict):
    """A value, and over how long."""

    value: str
    timespan: Timespan


class Measured(TypedDict):
    """A baseline, or the anomaly that stands out from it."""

    observation_parameter: str
    observation_type: str
    observed_pattern: str
    observations: list[Observation]


class AnomalyAnalysis(TypedDict):
    """Observed against expected."""

    analysis_targets: list[Target]
    anomalies: list[Measured]
    baselines: list[Measured]


class Owner(TypedDict):
    """The partner a grant belongs to."""

    name: str
    type: str


class Resource(TypedDict):
    """The grant."""

    uid: str
    type: str
    owner: Owner


class Remediation(TypedDict):
    """What would release it."""

    desc: str


class Notice(TypedDict):
    """The finding itself."""

    activity_id: Literal[1, 2, 3]
    activity_name: Literal["Create", "Update", "Close"]
    category_uid: int
    category_name: str
    class_uid: int
    class_name: str
    type_uid: int
    type_name: str
    severity_id: Literal[1, 2, 3, 4, 5]
    severity: str
    status_id: Literal[1, 3, 4, 99]
    status: str
    is_alert: bool
    time: int
    start_time: int
    end_time: int
    count: int
    message: str
    metadata: Metadata
    finding_info: FindingInfo
    evidences: list[Evidence]
    anomaly_analyses: list[AnomalyAnalysis]
    resources: list[Resource]
    remediation: Remediation

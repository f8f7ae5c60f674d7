"""Who shall write, read and see which topic, written out once more: a slip in the table must not pass for correct.

Each owner writes its outcomes and reads its requests; another system submits requests and reads their outcomes.
"""

from collections.abc import Mapping

from shared.contracts.topics import OPS
from tests.integration.acls.everybody import DELAY, FORMER, STRANGER, TABLE, USERS

_REQUESTS = {"structure.requests", "manager.requests"}
_OF_PARTNERS = {"outcomes.facturier", "outcomes.comptable"}

WRITES: Mapping[str, set[str]] = {
    "structure_svc": {
        "structure.requests-retry",
        "structure.outcomes",
        *_OF_PARTNERS,
        "structure.state",
        "structure.journal",
        "structure.due",
        "structure_svc.dlq",
        "manager.requests",
        "insee.requests",
        DELAY,
        FORMER,
    },
    "manager_svc": {
        "manager.requests",
        "manager.requests-retry",
        "manager.outcomes",
        *_OF_PARTNERS,
        "manager.state",
        "manager.journal",
        "manager.due",
        "manager_svc.dlq",
        DELAY,
        FORMER,
    },
    "insee_adapter": {"insee.outcomes", "insee_adapter.dlq"},
    "delay_svc": {"structure.due", "manager.due", "delay_svc.dlq"},
    "gateway": {"structure.requests", "manager.requests", "insee.requests", "gateway.dlq"},
    "partner": _REQUESTS,
    "facturier": _REQUESTS,
    OPS: {
        "structure.requests",
        "structure.due",
        "manager.requests",
        "manager.due",
        "insee.requests",
        "ops.dlq-handled",
    },
    STRANGER: set(),
}

READS: Mapping[str, set[str]] = {
    "structure_svc": {
        "structure.requests",
        "structure.requests-retry",
        "structure.due",
        "manager.state",
        "insee.outcomes",
    },
    "manager_svc": {"manager.requests", "manager.requests-retry", "manager.due", "manager.state", "structure.state"},
    "insee_adapter": {"insee.requests"},
    "delay_svc": {DELAY, FORMER},
    "gateway": {
        "structure.outcomes",
        "structure.state",
        "structure.journal",
        "manager.outcomes",
        "manager.state",
        "manager.journal",
        "insee.outcomes",
    },
    "partner": {"outcomes.facturier"},
    "facturier": {"outcomes.comptable"},
    OPS: {
        "structure_svc.dlq",
        "manager_svc.dlq",
        "insee_adapter.dlq",
        "delay_svc.dlq",
        "gateway.dlq",
        "ops.dlq-handled",
    },
    STRANGER: set(),
}

SEES: Mapping[str, set[str]] = {
    **{name: WRITES[name] | READS[name] for name in USERS},
    OPS: {topic.name for topic in TABLE},
}
"""An operator sees how many records every topic holds, and none of them."""

"""Every metric stands in docs/operate.md with what it means, and alerts name metrics that there are."""

import re
from pathlib import Path

from prometheus_client import REGISTRY

import gateway.metrics
import services.delay_svc.metrics
import services.insee_adapter.metrics
import shared.runtime.metrics
from tests.support.prometheus import rules

ROOT = Path(__file__).parents[2]
OURS = ("structures_", "delay_")
MODULES = (gateway.metrics, services.delay_svc.metrics, services.insee_adapter.metrics, shared.runtime.metrics)


def metrics() -> set[str]:
    """Return the names of all metrics, as a page writes them: counters end in _total."""
    assert MODULES, "their import registers the metrics"
    found = {f"{m.name}_total" if m.type == "counter" else m.name for m in REGISTRY.collect()}
    return {name for name in found if name.startswith(OURS)}


def test_the_page_documents_every_metric_and_no_other() -> None:
    page = (ROOT / "docs" / "operate.md").read_text()
    documented = re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == metrics()


def test_alerts_name_metrics_that_there_are() -> None:
    named = {name for rule in rules().values() for name in rule.metrics}
    of_python = {"process_start_time_seconds"}
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} <= metrics() | of_python

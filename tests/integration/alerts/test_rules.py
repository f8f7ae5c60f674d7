"""The file of rules as a whole: sound, silent on a system that works, and each of its alerts is shown to fire."""

import importlib
import pkgutil
import re

import pytest

from shared.contracts.topics import OWNERS, PROCESSES
from tests.integration import alerts
from tests.integration.alerts.conftest import Watched
from tests.journeys.builders import new_structure
from tests.support.prometheus import RULES, Timeline, promtool, rules, shows
from tests.support.system import until

pytestmark = pytest.mark.timeout(400)
"""A whole system is started within the first test."""


def test_prometheus_takes_the_rules() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


def test_each_alert_is_shown_to_fire() -> None:
    tests = [
        test
        for module in pkgutil.iter_modules(alerts.__path__)
        for test in vars(importlib.import_module(f"{alerts.__name__}.{module.name}")).values()
    ]
    assert {name for test in tests for name in getattr(test, "shows", ())} == set(rules())


def test_what_must_be_there_is_named_for_each_process_and_owner() -> None:
    assert set(re.findall(r'process="(\w+)"', rules()["ProcessIsMissing"].expression)) == set(PROCESSES)
    assert set(re.findall(r'owner="(\w+)"', rules()["NobodySweeps"].expression)) == set(OWNERS)


def test_some_process_exposes_each_metric_that_a_rule_reads(watched: Watched) -> None:
    texts = [text for text in watched.scraped().values() if text is not None]
    assert len(texts) == len(PROCESSES)
    exposed = {name for text in texts for name in re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE)}
    read = {name for rule in rules().values() for name in rule.metrics}
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in read} <= exposed


@shows()
def test_nothing_fires_while_the_system_works(watched: Watched, timeline: Timeline) -> None:
    for turn in range(3):
        structure = new_structure(watched.system)
        path = f"/structures/{structure['id']}"
        with watched.system.as_("alice") as api:
            assert api.patch(path, json={"label": f"turn {turn}"}).status_code == 202
            assert api.patch(path, json={"labell": "unknown"}).status_code == 422
            until(lambda: api.get(path).json().get("label") == f"turn {turn}", what="the change")  # noqa: B023
        timeline.scrape(watched.scraped(), minutes=10)
        timeline.is_silent()

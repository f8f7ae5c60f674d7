"""What a real Prometheus makes of what processes expose: scrapes over simulated time, and the alerts that fire then.

promtool, Prometheus's own tool, evaluates the rules as they are, at their own intervals, on the samples of texts that
`/metrics` really gave: only the time between two of them is made up.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

import pytest
from prometheus_client.parser import text_string_to_metric_families

RULES = Path(__file__).parents[2] / "deploy" / "alerts.yml"
EVERY = 15
"""Seconds between two scrapes, and between two evaluations."""

Labels = Mapping[str, str]
Expositions = Mapping[str, str | None]
"""What each process answered at `/metrics`, by its name; None for one that did not answer."""
Test = TypeVar("Test", bound=Callable[..., Any])


class Rule(NamedTuple):
    """One alert of the file."""

    expression: str
    severity: str
    summary: str

    @property
    def metrics(self) -> set[str]:
        """Return the names of the series that it reads."""
        return set(re.findall(r"\b(?:structures|delay|process)_[a-z_]+", re.sub('"[^"]*"', "", self.expression)))

    def alert(self, labels: Labels) -> dict[str, Labels]:
        """Return the alert that fires with these labels."""
        summary = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], self.summary)
        return {"exp_labels": {"severity": self.severity, **labels}, "exp_annotations": {"summary": summary}}


@cache
def rules() -> dict[str, Rule]:
    """Return the alerts of `deploy/alerts.yml`, by name."""
    found = {}
    for text in RULES.read_text(encoding="utf-8").split("- alert: ")[1:]:
        expression = re.search(r"expr: (?:>-)?(.+?)\n +(?:for|labels):", text, re.DOTALL)
        severity, summary = re.search(r"severity: (\w+)", text), re.search(r'summary: "(.+)"', text)
        assert expression, text
        assert severity, text
        assert summary, text
        found[text.split()[0]] = Rule(" ".join(expression[1].split()), severity[1], summary[1])
    return found


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool. Fails the test, saying how to get it, on a machine that has none."""
    if not shutil.which("promtool"):
        pytest.fail("promtool is missing: apt-get install prometheus (Debian, Ubuntu), brew install prometheus (macOS)")
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, check=False)


def shows(*alerts: str) -> Callable[[Test], Test]:
    """Say of a test that it shows these alerts to fire; whether it does is checked at its end."""

    def mark(test: Test) -> Test:
        test.shows = alerts  # type: ignore[attr-defined] # Functions take attributes.
        return test

    return mark


class Timeline:
    """What Prometheus scraped, and what fires."""

    def __init__(self) -> None:
        self._names = {name for rule in rules().values() for name in rule.metrics}
        self._scrapes: list[dict[str, float]] = []
        self.shown: set[str] = set()
        """The alerts of which was seen that they are silent, then fire."""
        self._silent = False

    def scrape(self, expositions: Expositions, *, minutes: float = 0) -> None:
        """Scrape these; with `minutes`, find the same for as long."""
        samples: dict[str, float] = {}
        for instance, text in expositions.items():
            samples |= self._samples(instance, text) if text is not None else {}
        self._scrapes += [samples] * max(1, round(minutes * 60 / EVERY))

    def _samples(self, instance: str, text: str) -> dict[str, float]:
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in self._names:
                    labels = {**sample.labels, "instance": instance, "job": "structures"}
                    written = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels.items()))
                    found[f"{sample.name}{{{written}}}"] = sample.value
        return found

    def is_silent(self) -> None:
        """Check that nothing fires now."""
        self._evaluate({name: [] for name in rules()})
        self._silent = True

    def fires(self, /, *, besides: Iterable[str] = (), throughout: float = 0, **alerts: Sequence[Labels]) -> None:
        """Check that exactly these alerts fire now, with these labels and no others, where before nothing did.

        Those `besides` may fire too. With `throughout` it was so for as many minutes.
        """
        assert self._silent, "first check that nothing fires"
        expected = {name: alerts.get(name, ()) for name in rules() if name in alerts or name not in besides}
        assert expected.keys() >= alerts.keys()
        self._evaluate(expected, throughout)
        self.shown |= {name for name, some in alerts.items() if some}

    def _evaluate(self, expected: Mapping[str, Sequence[Labels]], throughout: float = 0) -> None:
        last = len(self._scrapes) - 1
        tests = [
            {"eval_time": f"{turn * EVERY}s", "alertname": name, "exp_alerts": [rules()[name].alert(of) for of in some]}
            for turn in range(last - round(throughout * 60 / EVERY), last + 1)
            for name, some in expected.items()
        ]
        series = [{"series": name, "values": " ".join(self._values(name))} for name in self._all_series()]
        test = {"interval": f"{EVERY}s", "input_series": series, "alert_rule_test": tests}
        whole = {"rule_files": [str(RULES)], "evaluation_interval": f"{EVERY}s", "tests": [test]}
        with TemporaryDirectory() as folder:
            file = Path(folder) / "test.yml"  # JSON is YAML too.
            file.write_text(json.dumps(whole), encoding="utf-8")
            done = promtool("test", "rules", str(file))
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]

    def _all_series(self) -> list[str]:
        return sorted({name for samples in self._scrapes for name in samples})

    def _values(self, series: str) -> Iterable[str]:
        """Give the samples of a series; Prometheus marks where one is no longer exposed."""
        there = False
        for samples in self._scrapes:
            if series in samples:
                yield f"{samples[series]:.17g}"
            else:
                yield "stale" if there else "_"
            there = series in samples

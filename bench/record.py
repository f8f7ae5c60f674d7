"""What a benchmark leaves: a table on the screen, a JSON record that says on which machine it ran, and a plot."""

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).parent / "records"
_LIBRARIES = ("aiokafka", "faststream", "motor", "pymongo", "fastapi", "pydantic")


def machine() -> dict[str, Any]:
    """Describe the machine, without its name."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024
    cores = len([line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("processor")])
    return {
        "cpu": cpu,
        "cores": cores,
        "memory_mib": memory,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def idle(seconds: float = 2.0) -> float:
    """Return the share of all cores that nobody uses, looked at for some `seconds`: 1.0 is a quiet machine."""
    before, started = _idle_ticks(), time.monotonic()
    time.sleep(seconds)
    ticks = (time.monotonic() - started) * os.sysconf("SC_CLK_TCK") * (os.cpu_count() or 1)
    return min(1.0, round((_idle_ticks() - before) / ticks, 2))


def _idle_ticks() -> int:
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    return int(fields[4]) + int(fields[5])  # Idle, and waiting for a disk.


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used; unlike speed, it does not depend on what else runs here."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


@dataclass(frozen=True)
class Measurement:
    """One figure beside its target: at most `limit`, or `at_least` so much; None is no target."""

    what: str
    measured: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Say whether it meets its target."""
        if self.limit is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def stored(self) -> dict[str, Any]:
        """Return it as the JSON record keeps it."""
        target = None if self.limit is None else f"{'≥' if self.at_least else '≤'} {self.limit:g}"
        return {"what": self.what, "measured": self.measured, "unit": self.unit, "target": target, "met": self.met}


def table(measurements: Sequence[Measurement]) -> str:
    """Return the measurements as text, one a line, with their targets and verdicts."""
    cells = [("", "measured", "target", "")]
    for one in measurements:
        verdict = {True: "met", False: "MISSED", None: ""}[one.met]
        cells.append((one.what, f"{one.measured:g} {one.unit}".strip(), one.stored()["target"] or "–", verdict))
    first, second, third = (max(len(line[column]) for line in cells) for column in range(3))
    return "\n".join(f"{a:<{first}}  {b:>{second}}  {c:>{third}}  {d}".rstrip() for a, b, c, d in cells)


def write(name: str, results: Mapping[str, Any]) -> Path:
    """Write the record and return where."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    file = RECORDS / f"{name}.json"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = {"at": at, "machine": machine(), "results": results}
    file.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


@dataclass(frozen=True)
class Panel:
    """One diagram: a line of (x, y) points for each label, and its target as a dashed line at that y."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    limit: float | None = None


def plot(name: str, panels: Sequence[Panel]) -> Path:
    """Draw the panels side by side as a small SVG beside the record, and return where."""
    # Only here: a benchmark that draws nothing does not wait for it.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Text stays text and nothing depends on the time: small files that differ only where the figures do.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 8})
    figure = Figure(figsize=(4.2 * len(panels), 3.2), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for label, points in panel.lines.items():
            axes.plot([x for x, _ in points], [y for _, y in points], label=label, linewidth=1)
        if panel.limit is not None:
            axes.axhline(panel.limit, linestyle="--", linewidth=0.8, color="grey", label="target")
        axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
        axes.grid(alpha=0.3)
        axes.legend()
    file = RECORDS / f"{name}.svg"
    figure.savefig(file, metadata={"Date": None})
    return file


def thinned(points: Sequence[tuple[float, float]], most: int = 150) -> list[tuple[float, float]]:
    """Return at most about `most` points, each the worst (largest y) of its stretch: a plot stays small and honest."""
    step = max(1, len(points) // most)
    return [max(points[start : start + step], key=lambda point: point[1]) for start in range(0, len(points), step)]

"""The results of a benchmark: a printed table, a JSON record with a description of the machine, and a plot."""

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
    """Return the idle share of all cores, measured for some `seconds`: 1.0 is an idle machine."""
    before, started = _idle_ticks(), time.monotonic()
    time.sleep(seconds)
    ticks = (time.monotonic() - started) * os.sysconf("SC_CLK_TCK") * (os.cpu_count() or 1)
    return min(1.0, round((_idle_ticks() - before) / ticks, 2))


def _idle_ticks() -> int:
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    return int(fields[4]) + int(fields[5])  # Idle, and waiting for I/O.


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process; unlike speed, it depends little on other processes here."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the quantile: the value below which that share of the values is (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


@dataclass(frozen=True)
class Row:
    """One figure and its target: at most `limit`, or at least that with `at_least`; None is no target."""

    what: str
    measured: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Return whether the target is met; None without a target."""
        if self.limit is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def stored(self) -> dict[str, Any]:
        """Return the row as it is in the JSON record."""
        target = None if self.limit is None else f"{'≥' if self.at_least else '≤'} {self.limit:g}"
        return {"what": self.what, "measured": self.measured, "unit": self.unit, "target": target, "met": self.met}


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text, one a line, with their targets and verdicts."""
    cells = [("", "measured", "target", "")]
    for row in rows:
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        cells.append((row.what, f"{row.measured:g} {row.unit}".strip(), row.stored()["target"] or "–", verdict))
    first, second, third = (max(len(line[column]) for line in cells) for column in range(3))
    return "\n".join(f"{a:<{first}}  {b:>{second}}  {c:>{third}}  {d}".rstrip() for a, b, c, d in cells)


def write(name: str, results: Mapping[str, Any]) -> Path:
    """Write the record and return its path."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    file = RECORDS / f"{name}.json"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = {"at": at, "machine": machine(), "results": results}
    file.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


@dataclass(frozen=True)
class Panel:
    """One diagram: a line of (x, y) points for each label, and the target as a dashed line at that y."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    limit: float | None = None


def plot(name: str, panels: Sequence[Panel]) -> Path:
    """Draw the panels side by side as a small SVG beside the record, and return its path."""
    # Imported only here, since it is slow to import and not always needed.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Text stays text and nothing depends on the time: files are small and differ only when the figures do.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 8})
    figure = Figure(figsize=(4.2 * len(panels), 3.2), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for label, points in panel.lines.items():
            axes.plot([x for x, _ in points], [y for _, y in points], label=label, linewidth=1)
        if panel.limit is not None:
            axes.axhline(panel.limit, linestyle="--", linewidth=0.8, color="grey", label="asked")
        axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
        axes.grid(alpha=0.3)
        axes.legend()
    file = RECORDS / f"{name}.svg"
    figure.savefig(file, metadata={"Date": None})
    return file


def thinned(points: Sequence[tuple[float, float]], most: int = 150) -> list[tuple[float, float]]:
    """Return about `most` points at most, each the worst (largest y) of its interval, so that no peak is lost."""
    step = max(1, len(points) // most)
    return [max(points[start : start + step], key=lambda point: point[1]) for start in range(0, len(points), step)]

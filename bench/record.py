"""What a benchmark leaves: a JSON record that says on which machine it ran, and a plot."""

import json
import platform
import time
from collections.abc import Mapping, Sequence
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


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def write(name: str, results: Mapping[str, Any]) -> Path:
    """Write the record and return where."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    file = RECORDS / f"{name}.json"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    file.write_text(json.dumps({"at": at, "machine": machine(), "results": results}, indent=2) + "\n")
    return file

"""Where Kafka's jars are put."""

from pathlib import Path

import pytest

from dev.brokers import BrokerError
from dev.brokers.jars import fetch_jars


def test_a_folder_of_somebody_else_is_not_taken_for_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thesis.txt").write_text("precious", encoding="ascii")
    monkeypatch.setenv("KAFKA_JARS", str(tmp_path))
    with pytest.raises(BrokerError, match="KAFKA_JARS"):
        fetch_jars(Path("mvn"))
    assert (tmp_path / "thesis.txt").exists()

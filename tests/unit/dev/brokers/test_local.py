"""Where the programs of the brokers are missing, nothing is begun."""

from pathlib import Path

import pytest

from dev.brokers import LocalBrokers, MissingTools, Ports


def test_all_missing_tools_are_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("MONGOD", str(tmp_path / "mongod"))
    monkeypatch.setenv("KAFKA_JARS", str(tmp_path / "jars"))
    with pytest.raises(MissingTools) as error:
        LocalBrokers.open(tmp_path / "data", Ports())
    assert [tool.name for tool in error.value.missing] == ["java", "mongod", "mvn"]
    assert "apt-get install maven" in str(error.value)
    assert "brew install maven" in str(error.value)
    assert not (tmp_path / "data").exists()

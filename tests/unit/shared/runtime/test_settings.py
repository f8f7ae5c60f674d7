"""Where a setting comes from: a variable, or a file of its name in `SECRETS_DIR`."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ops.settings import AdminSettings
from services.delay_svc.settings import Settings as DelaySettings
from shared.contracts.messages.life import DueTrigger
from shared.runtime.settings import KafkaSettings, MongoSettings, OidcSettings, unusable


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_TLS_CA", "MONGO_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAFKA_USER", "delay_svc")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_secrets_are_read_from_files_without_the_end_of_their_line(secrets: Path) -> None:
    (secrets / "kafka_password").write_text("from a file\n")
    (secrets / "mongo_uri").write_text("mongodb://here\n")
    assert KafkaSettings().password.get_secret_value() == "from a file"
    assert MongoSettings(database="x").uri.get_secret_value() == "mongodb://here"


def test_settings_within_settings_are_read_from_files_too(secrets: Path) -> None:
    (secrets / "kafka_password").write_text("from a file")
    assert DelaySettings(http_port=1).kafka.password.get_secret_value() == "from a file"
    assert AdminSettings().kafka.password.get_secret_value() == "from a file"


def test_a_variable_wins_over_a_file_and_an_empty_one_is_not_set(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "kafka_password").write_text("from a file")
    monkeypatch.setenv("KAFKA_PASSWORD", "from the environment")
    monkeypatch.setenv("KAFKA_TLS_CA", "")
    assert KafkaSettings().password.get_secret_value() == "from the environment"
    assert KafkaSettings().tls_ca is None
    monkeypatch.setenv("KAFKA_PASSWORD", "")
    assert KafkaSettings().password.get_secret_value() == "from a file"


def test_what_is_missing_is_named_by_its_variable() -> None:
    with pytest.raises(ValidationError) as missing:
        OidcSettings()
    assert unusable(missing.value) == "OIDC_ISSUER: Field required"
    with pytest.raises(ValidationError) as other:
        DueTrigger.model_validate({})
    assert unusable(other.value) is None

"""The environments of operators and processes of a local run; also as files for a shell: `.data/run/env/<name>`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dev.brokers import Brokers
from dev.brokers.secret_files import write_secret
from dev.run.clients import PARTNER
from dev.run.settings import RunSettings
from shared.contracts.topics import OPS, OWNERS, PROCESSES
from shared.engine.storage import views

if TYPE_CHECKING:
    from dev.run.table import Process


def keep_secrets(settings: RunSettings, brokers: Brokers) -> None:
    """Write the passwords of Kafka's users, once, and the demo clients' secret.

    From then on the files are authoritative: `ops users rotate-password` changes them.
    """
    folder = _passwords(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for user in (*PROCESSES, OPS, PARTNER):
        if not (folder / user).exists():
            write_secret(folder / user, brokers.password(f"kafka/{user}"))
    write_secret(settings.run_data / "clients-secret", brokers.password("issuer/clients"))


def kafka_password(settings: RunSettings, user: str) -> str:
    """Return the password of a Kafka user."""
    return password_file(settings, user).read_text()


def password_file(settings: RunSettings, user: str) -> Path:
    """Return the file with the password of a Kafka user."""
    return _passwords(settings) / user


def _passwords(settings: RunSettings) -> Path:
    return settings.run_data / "kafka-passwords"


def administrator(settings: RunSettings, brokers: Brokers) -> dict[str, str]:
    """Return the environment of the administrator, who creates topics, users and ACLs."""
    name, password = brokers.kafka_admin
    return {
        "KAFKA_BOOTSTRAP": brokers.kafka_bootstrap,
        "KAFKA_USER": name,
        "KAFKA_PASSWORD": password,
        "KAFKA_PASSWORDS": str(_passwords(settings)),
        "EFFECTIVE_DELAY": settings.effective_delay,
        "TOPIC_PARTITIONS": str(settings.topic_partitions),
        "MONGO_ADMIN_URI": brokers.mongo_admin_uri,
    }


def operator(settings: RunSettings, brokers: Brokers) -> dict[str, str]:
    """Return the environment of an operator, who reads views of the owners' databases."""
    return {
        "KAFKA_BOOTSTRAP": brokers.kafka_bootstrap,
        "KAFKA_USER": OPS,
        "KAFKA_PASSWORD": kafka_password(settings, OPS),
        "OIDC_ISSUER": settings.issuer,
        "OPS_CLIENT_SECRET": brokers.password("issuer/clients"),
        "EFFECTIVE_DELAY": settings.effective_delay,
        **{
            f"{process.upper()}_MONGO_URI": brokers.operator_mongo_uri(process, views.names(owner))
            for owner, process in OWNERS.items()
        },
    }


def write(settings: RunSettings, brokers: Brokers, processes: Iterable[Process]) -> None:
    """Write the environments, one file each."""
    folder = settings.run_data / "env"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment: dict[str, Mapping[str, str]] = {process.name: process.env for process in processes}
    environment |= {"admin": administrator(settings, brokers), OPS: operator(settings, brokers)}
    for name, values in environment.items():
        lines = {key: shlex.quote(value) for key, value in values.items()}
        file = _passwords(settings) / values.get("KAFKA_USER", "-")
        if file.is_file():  # The shell reads the file when it is needed, since it may have been changed.
            lines["KAFKA_PASSWORD"] = f'"$(cat {shlex.quote(str(file))})"'
        write_secret(folder / name, "".join(f"export {key}={value}\n" for key, value in lines.items()))

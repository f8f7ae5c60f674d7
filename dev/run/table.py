"""The processes of the system and their environment. A new service is a line here."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from dev.brokers import Brokers
from dev.run.environments import password_file
from dev.run.settings import RunSettings

SIMULATOR_KEY = "insee-simulator"
_BUSY = {
    **dict.fromkeys(("RATE_PERSON", "RATE_ADMINISTRATOR", "RATE_TECHNICAL", "RATE_ADDRESS"), "10000/20000"),
    "CALLS_UNDER_WAY": "1000",
}
"""Rate limits here: tests and benchmarks are few callers, each as busy as all those of production."""


@dataclass(frozen=True)
class Process:
    """One process: how it is started, and where its readiness is (None: it is ready once its port listens)."""

    name: str
    command: tuple[str, ...]
    port: int
    env: Mapping[str, str]
    ready: str | None = "/ready"
    first: bool = False
    """True for processes that the others need."""
    secrets: Mapping[str, Path] = field(default_factory=dict)
    """Further environment variables, each in a file."""

    def environment(self) -> dict[str, str]:
        """Return its present environment: a file may have been changed since the process was started."""
        return {**self.env, **{name: file.read_text(encoding="utf-8").strip() for name, file in self.secrets.items()}}


def table(settings: RunSettings, brokers: Brokers) -> list[Process]:
    """Return every process, in the order in which they are started."""
    client_secret = brokers.password("issuer/clients")
    insee = (
        {"INSEE_API_KEY": settings.insee_api_key}
        if settings.insee_api_key
        else {
            "INSEE_API_KEY": SIMULATOR_KEY,
            "INSEE_BASE_URL": f"http://127.0.0.1:{settings.insee_port}/api-sirene/3.11",
        }
    )

    def service(name: str, module: str, port: int, env: Mapping[str, str] = MappingProxyType({})) -> Process:
        environment = {
            "ENVIRONMENT": "development",
            "EFFECTIVE_DELAY": settings.effective_delay,
            "KAFKA_BOOTSTRAP": brokers.kafka_bootstrap,
            "KAFKA_USER": name,
            "OIDC_ISSUER": settings.issuer,
            "HTTP_PORT": str(port),
            **env,
        }
        if name != "delay_svc":  # It keeps no state besides Kafka.
            environment |= {"MONGO_URI": brokers.service_mongo_uri(name), "MONGO_DATABASE": name}
        secrets = {"KAFKA_PASSWORD": password_file(settings, name)}
        return Process(name, (sys.executable, "-m", module), port, environment, secrets=secrets)

    return [
        Process(
            "issuer",
            (sys.executable, "-m", "dev.issuer"),
            settings.issuer_port,
            {
                "ENVIRONMENT": "development",
                "ISSUER_PORT": str(settings.issuer_port),
                "ISSUER_KEYS": str(settings.run_data / "issuer-keys.json"),
                "ISSUER_CLIENT_SECRET": client_secret,
            },
            ready="/jwks",
            first=True,
        ),
        Process(
            "insee",
            (sys.executable, "-m", "dev.insee", "--port", str(settings.insee_port), "--api-key", SIMULATOR_KEY),
            settings.insee_port,
            {},
            ready=None,
            first=True,
        ),
        service("structure_svc", "services.structure_svc", settings.structure_svc_port),
        service("manager_svc", "services.manager_svc", settings.manager_svc_port),
        service("insee_adapter", "services.insee_adapter", settings.insee_adapter_port, insee),
        service("delay_svc", "services.delay_svc", settings.delay_svc_port),
        service(
            "gateway",
            "gateway",
            settings.gateway_port,
            {"API_PORT": str(settings.api_port), "GATEWAY_CLIENT_SECRET": client_secret, **_BUSY},
        ),
    ]

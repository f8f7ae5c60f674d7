"""Every setting stands in the README of its process, those of every process in docs/operate.md, with their defaults."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from gateway.settings import Settings as GatewaySettings
from ops.settings import QuotaSettings
from services.delay_svc.settings import Settings as DelaySettings
from services.insee_adapter.settings import Settings as InseeSettings
from services.manager_svc.settings import Settings as ManagerSettings
from services.structure_svc.settings import Settings as StructureSettings
from shared.clock import duration
from shared.runtime.settings import KafkaSettings, MongoSettings, OidcSettings, ProcessSettings

ROOT = Path(__file__).parents[2]
OWN: dict[str, type[BaseSettings]] = {
    "gateway": GatewaySettings,
    "services/delay_svc": DelaySettings,
    "services/insee_adapter": InseeSettings,
    "services/manager_svc": ManagerSettings,
    "services/structure_svc": StructureSettings,
}
COMMON: tuple[type[BaseSettings], ...] = (ProcessSettings, KafkaSettings, MongoSettings, OidcSettings)
NONE = ("", "–")
_LINE = re.compile(r"^\| ((?:`[A-Z0-9_]+`(?:, )?)+) \|([^|]*)\|", re.MULTILINE)


def defaults(model: type[BaseSettings]) -> dict[str, Any]:
    """Return the settings of a model with their defaults; None for one that must be given, or is not by default."""
    prefix = model.model_config.get("env_prefix") or ""
    return {
        f"{prefix}{name}".upper(): None if field.default is PydanticUndefined else field.default
        for name, field in model.model_fields.items()
        if field.default_factory is None
    }


def documented(text: str) -> dict[str, str]:
    """Return the settings that the tables of a text name, with the defaults they give."""
    found: dict[str, str] = {}
    for names, values in _LINE.findall(text):
        each = [name.strip(" `") for name in names.split(",")]
        values = (
            [value.strip(" `") for value in values.split(",")] if "," in values else [values.strip(" `")] * len(each)
        )
        found |= dict(zip(each, values, strict=True))
    return found


def section(title: str) -> str:
    """Return a section of the operators' page."""
    page = (ROOT / "docs" / "operate.md").read_text()
    return page.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def _is(said: str, default: Any) -> bool:
    if default is None:
        return said in NONE
    if isinstance(default, bool):
        return said == str(default).lower()
    if isinstance(default, int) and not said.isdigit():
        return duration(said) == default
    return said == str(default)


@pytest.mark.parametrize("process", OWN)
def test_a_process_documents_its_settings(process: str) -> None:
    shared = {name for model in COMMON for name in defaults(model)}
    own = {name: default for name, default in defaults(OWN[process]).items() if name not in shared}
    said = documented((ROOT / process / "README.md").read_text())
    assert set(said) == set(own)
    assert not [name for name, text in said.items() if not _is(text, own[name])]


def test_the_operators_page_documents_those_of_every_process() -> None:
    known = {name: default for model in COMMON for name, default in defaults(model).items()}
    said = documented(section("Settings of every process"))
    assert set(said) == set(known)
    assert not [name for name, text in said.items() if name != "HTTP_PORT" and not _is(text, known[name])]


def test_the_operators_page_documents_the_quotas() -> None:
    known, said = defaults(QuotaSettings), documented(section("Partners"))
    assert set(said) == set(known)
    assert not [name for name, default in known.items() if not _is(said[name], default)]


def test_the_operators_page_documents_what_docker_compose_reads() -> None:
    files = [ROOT / "docker-compose.yml", *sorted((ROOT / "deploy").glob("compose.*.yml"))]
    read = set(re.findall(r"\$\{([A-Z0-9_]+)", "".join(file.read_text() for file in files)))
    page = section("Settings of docker-compose.yml")
    assert set(documented(page)) <= read | {"COMPOSE_FILE"}, "Docker itself reads that one"
    assert read <= set(re.findall(r"`([A-Z0-9_]+)`", page))

"""Every setting stands in the README of its process, those of every process in the main one, with their defaults."""

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
_ROW = re.compile(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \|([^|]*)\|", re.MULTILINE)


def defaults(model: type[BaseSettings]) -> dict[str, Any]:
    """Return the settings of a model with their defaults; None for one that must be given, or is not by default."""
    prefix = model.model_config.get("env_prefix") or ""
    return {
        f"{prefix}{name}".upper(): None if field.default is PydanticUndefined else field.default
        for name, field in model.model_fields.items()
        if field.default_factory is None
    }


def told(readme: Path) -> dict[str, str]:
    """Return the settings that a README's tables name, with the default they tell."""
    found: dict[str, str] = {}
    for names, values in _ROW.findall(readme.read_text()):
        each = [name.strip(" `") for name in names.split(",")]
        values = (
            [value.strip(" `") for value in values.split(",")] if "," in values else [values.strip(" `")] * len(each)
        )
        found |= dict(zip(each, values, strict=True))
    return found


def _is(said: str, default: Any) -> bool:
    if default is None:
        return said in NONE
    if isinstance(default, bool):
        return said == str(default).lower()
    if isinstance(default, int) and not said.isdigit():
        return duration(said) == default
    return said == str(default)


@pytest.mark.parametrize("process", OWN)
def test_a_process_tells_its_settings(process: str) -> None:
    shared = {name for model in COMMON for name in defaults(model)}
    own = {name: default for name, default in defaults(OWN[process]).items() if name not in shared}
    said = told(ROOT / process / "README.md")
    assert set(said) == set(own)
    assert not [name for name, text in said.items() if not _is(text, own[name])]


def test_the_main_readme_tells_those_of_every_process() -> None:
    known = {name: default for model in COMMON for name, default in defaults(model).items()}
    said = told(ROOT / "README.md")
    assert set(known) <= set(said)
    wrong = [name for name, default in known.items() if name != "HTTP_PORT" and not _is(said[name], default)]
    assert not wrong


def test_the_operators_page_tells_the_quotas() -> None:
    known, said = defaults(QuotaSettings), told(ROOT / "docs" / "operate.md")
    assert set(said) == set(known)
    assert not [name for name, default in known.items() if not _is(said[name], default)]

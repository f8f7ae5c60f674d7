"""`/_simulator/…`: makes the simulator fail in given ways, and shows how often it was called."""

import dataclasses
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from dev.insee.faults import Fault
from dev.insee.simulator import Simulator
from dev.insee.units import Link, Place, Unit
from dev.insee.window import Window


class QuotaChange(BaseModel):
    """The quota from now on; counting starts again."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(30, ge=1)
    length_ms: int = Field(60_000, ge=1)


class PlaceChange(BaseModel):
    """The address of an establishment, as a whole."""

    model_config = ConfigDict(extra="forbid")

    number: str | None = None
    kind: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    commune: str | None = None


class SuccessionChange(BaseModel):
    """One link of succession."""

    model_config = ConfigDict(extra="forbid")

    successor: str
    day: str
    head_office_moved: bool = True
    continuity: bool = True


class UnitChange(BaseModel):
    """The fields of an establishment from now on; those left out stay."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    category: str | None = None
    place: PlaceChange | None = None
    state: Literal["A", "F"] | None = None
    closed_on: str | None = None
    reopened_on: str | None = None
    diffusion: str | None = None
    doublon_of: str | None = None


def routes(simulator: Simulator) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.put("/fault", status_code=204)
    async def set_fault(fault: Fault) -> None:
        simulator.faults[:] = [fault]

    @router.delete("/fault", status_code=204)
    async def mend() -> None:
        simulator.faults.clear()

    @router.put("/quota", status_code=204)
    async def set_quota(quota: QuotaChange) -> None:
        simulator.window = Window(quota.limit, quota.length_ms)

    @router.put("/units/{siret}", status_code=204)
    async def change_unit(siret: str, change: UnitChange) -> None:
        unit = simulator.find(siret) or Unit(siret)
        values = change.model_dump(exclude_unset=True)
        if "place" in values:
            values["place"] = Place(**(values["place"] or {}))
        simulator.units[siret] = dataclasses.replace(unit, **values)

    @router.put("/successions/{siret}", status_code=204)
    async def change_successions(siret: str, links: list[SuccessionChange]) -> None:
        others = [link for link in simulator.links if link.predecessor != siret]
        simulator.links[:] = [*others, *(Link(siret, **link.model_dump()) for link in links)]

    @router.delete("/tokens", status_code=204)
    async def revoke() -> None:
        simulator.tokens.clear()

    @router.get("/statistics")
    async def statistics() -> dict[str, int]:
        window = simulator.window
        return {
            "calls": len(window.arrivals),
            "refused": window.refused,
            "most_within_one_window": window.most_within_one_length(),
            "tokens_asked": simulator.tokens_asked,
        }

    return router

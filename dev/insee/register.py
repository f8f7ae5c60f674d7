"""The register's routes, the same in both plans; the public one masks hidden values."""

import re
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from dev.insee import bodies
from dev.insee.gateway import Plan, gateway
from dev.insee.simulator import Simulator
from dev.insee.units import Unit


def routes(simulator: Simulator, plan: Plan) -> APIRouter:
    """Return the routes of one plan."""
    router = APIRouter(dependencies=[Depends(gateway(simulator, plan))])

    @router.get("/siret/liensSuccession")
    async def successions(response: Response, q: str) -> Any:
        return _successions(simulator, response, q)

    @router.get("/siret/{siret}")
    async def siret(siret: str, request: Request, response: Response) -> Any:
        return _establishment(simulator, siret, request, response, masked=plan == "public")

    @router.get("/siren/{siren}")
    async def siren(siren: str, request: Request, response: Response) -> Any:
        return _legal_unit(simulator, siren, request, response)

    @router.get("/informations")
    async def informations() -> Any:
        return bodies.informations()

    return router


def _say(response: Response, status: int, message: str) -> bodies.Body:
    response.status_code = status
    return bodies.register_says(status, message)


def _successions(simulator: Simulator, response: Response, q: str) -> bodies.Body:
    wanted = dict(re.findall(r"siretEtablissement(Predecesseur|Successeur):(\d{14})", q))
    links = [
        link
        for link in simulator.links
        if wanted.get("Predecesseur") == link.predecessor or wanted.get("Successeur") == link.successor
    ]
    if not links:
        return _say(response, 404, f"Aucun lien de succession n'a été trouvé pour le paramètre q={q}")
    return bodies.successions(links)


def _establishment(
    simulator: Simulator, siret: str, request: Request, response: Response, *, masked: bool
) -> bodies.Body:
    if not re.fullmatch(r"\d{14}", siret):
        return _say(response, 400, f"Erreur de format de siret ({siret}) - Format attendu : 14 chiffres")
    unit = simulator.find(siret)
    if unit is None:
        return _say(response, 404, f"Aucun élément trouvé pour le siret {siret}")
    if unit.kept_back:
        return _say(response, 403, f"Établissement non diffusable ({siret})")
    if unit.doublon_of is None:
        return bodies.establishment(unit, masked=masked)
    # INSEE's Location is an internal path, which does not exist outside.
    response.headers["Location"] = f"{request.base_url}entreprises/sirene/ws/siret/{unit.doublon_of}"
    siren = unit.doublon_of[:9]
    return _say(
        response, 301, f"Unité légale doublon, redirection vers l'établissement siège de l'unité légale : {siren}"
    )


def _legal_unit(simulator: Simulator, siren: str, request: Request, response: Response) -> bodies.Body:
    units: list[Unit] = [unit for unit in simulator.units.values() if unit.siren == siren]
    if not units:
        return _say(response, 404, f"Aucun élément trouvé pour le siren {siren}")
    unit = next((unit for unit in units if unit.state == "A"), units[0])
    if unit.kept_back:
        return _say(response, 403, f"Unité légale non diffusable ({siren})")
    if unit.doublon_of is None:
        return bodies.legal_unit(unit)
    response.headers["Location"] = f"{request.base_url}entreprises/sirene/V3.11/siren/{unit.doublon_of[:9]}"
    return _say(response, 301, f"Unité légale doublon : {unit.doublon_of[:9]}")

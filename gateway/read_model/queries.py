"""Reads the read model, each answer narrowed to what its reader may see."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway import access
from gateway.read_model import search
from gateway.read_model.projections import ReadModel
from shared.auth import Actor
from shared.errors import Rejected
from shared.messages.life import request_key
from shared.rights import Right

Record = Mapping[str, Any]
_WAIT = 0.5
_STEP = 0.02


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for; pages count from 1."""

    number: int = 1
    size: int = 20

    def of(self, items: list[Any], total: int) -> dict[str, Any]:
        """Return the part with its place in the whole."""
        return {"items": items, "page": self.number, "size": self.size, "total": total}


class Queries:
    """The questions that the API asks."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model

    async def structure(
        self, actor: Actor, *, id_: int | None = None, key: str | None = None, min_version: int = 0
    ) -> dict[str, Any]:
        """Return a structure by id or by identifier key. Raises Rejected (structure_not_found, not_yet)."""
        found, rung = await self._structure(actor, {"_id": id_} if id_ is not None else {"keys": key}, min_version)
        record = access.shown(found, rung, actor)
        if record is None:
            raise Rejected("structure_not_found")
        return record

    async def right(self, actor: Actor, structure_id: int) -> Right:
        """Return the rung of an actor on a structure. Raises Rejected when it does not exist."""
        _, rung = await self._structure(actor, {"_id": structure_id}, 0)
        return rung

    async def _structure(self, actor: Actor, condition: Mapping[str, Any], min_version: int) -> tuple[Record, Right]:
        raw = await self._model.structures.find_one(condition, {"record": 1, "version": 1})
        waited = 0.0
        while min_version and (raw is None or raw["version"] < min_version) and waited < _WAIT:
            await asyncio.sleep(_STEP)
            waited += _STEP
            raw = await self._model.structures.find_one(condition, {"record": 1, "version": 1})
        if min_version and (raw is None or raw["version"] < min_version):
            raise Rejected("not_yet")
        if raw is None:
            raise Rejected("structure_not_found")
        team = await self._model.teams.find_one({"_id": raw["_id"]})
        return raw["record"], access.right_on(raw["record"], team, actor)

    async def search(self, actor: Actor, filters: Mapping[str, Any], words: str | None, page: Page) -> dict[str, Any]:
        """Return the structures that an actor may find, sorted by name."""
        mine = await self._mine(actor)
        conditions: list[Mapping[str, Any]] = [filters] if filters else []
        if not actor.is_administrator:
            visible: list[Mapping[str, Any]] = [{"public": True}, {"_id": {"$in": list(mine)}}]
            conditions.append({"$or": [*visible, {"record.principal": actor.id}]})
        if words:
            groups, wanted = search.query(words)
            conditions.append({"grams": {"$all": groups}} if groups else {"_id": -1})
            conditions += [{"text": {"$regex": re.escape(word)}} for word in wanted]
        return await self._list(actor, {"$and": conditions} if conditions else {}, page)

    async def mine(self, actor: Actor, possible: str | None, page: Page) -> dict[str, Any]:
        """Return the structures an actor is attached to; with `possible`, those for which that may be asked."""
        teams = await self._mine(actor)
        ids = [id_ for id_, rung in teams.items() if possible is None or rung >= Right.MODIFICATION]
        # A structure whose team has not arrived yet is its first principal's.
        condition: dict[str, Any] = {
            "$or": [{"_id": {"$in": ids}}, {"record.principal": actor.id, "_id": {"$nin": list(teams)}}]
        }
        if possible is not None:
            condition["record.possible_requests"] = possible
        return await self._list(actor, condition, page)

    async def _mine(self, actor: Actor) -> dict[int, Right]:
        teams = await self._model.teams.find({"users": actor.id}).to_list(None)
        return {team["_id"]: access.right_on({"principal": None}, team, actor) for team in teams}

    async def _list(self, actor: Actor, condition: Mapping[str, Any], page: Page) -> dict[str, Any]:
        total = await self._model.structures.count_documents(condition)
        found = self._model.structures.find(condition, {"record": 1}).sort([("sort", 1), ("_id", 1)])
        raws = await found.skip((page.number - 1) * page.size).limit(page.size).to_list(None)
        teams = await self._model.teams.find({"_id": {"$in": [raw["_id"] for raw in raws]}}).to_list(None)
        by_id = {team["_id"]: team for team in teams}
        records = [raw["record"] for raw in raws]
        seen = [access.shown(r, access.right_on(r, by_id.get(r["id"]), actor), actor) for r in records]
        return page.of([record for record in seen if record is not None], total)

    # ---- requests ---------------------------------------------------------------------------------------------

    async def request(self, actor: Actor, request_id: str, owner: str | None = None) -> dict[str, Any]:
        """Return a request: one's own, or somebody's (`owner`) on a structure one may consult."""
        raw = await self._model.requests.find_one({"_id": request_key(owner or actor.id, request_id)})
        if raw is None or "current" not in raw or not await self._may_see(actor, raw):
            raise Rejected("not_found")
        return as_request(raw)

    async def _may_see(self, actor: Actor, raw: Record) -> bool:
        if raw["actor"] == actor.id or actor.is_administrator:
            return True
        return raw.get("structure") is not None and await self.right(actor, raw["structure"]) >= Right.CONSULTATION

    async def requests(self, actor: Actor, filters: Mapping[str, Any], page: Page) -> dict[str, Any]:
        """Return one's own requests, or with a structure those made on it, newest first."""
        structure = filters.get("structure")
        if structure is not None:
            if await self.right(actor, structure) < Right.CONSULTATION and not actor.is_administrator:
                raise Rejected("structure_not_found")
            condition = dict(filters)
        else:
            condition = {**filters, "actor": actor.id}
        condition["current"] = {"$exists": True}
        total = await self._model.requests.count_documents(condition)
        found = self._model.requests.find(condition).sort([("at", -1)])
        raws = await found.skip((page.number - 1) * page.size).limit(page.size).to_list(None)
        return page.of([as_request(raw) for raw in raws], total)

    # ---- users and teams --------------------------------------------------------------------------------------

    async def user(self, user: str) -> dict[str, Any] | None:
        """Return a user's record, or None."""
        raw = await self._model.users.find_one({"_id": user}, {"record": 1})
        return raw["record"] if raw else None

    async def team(self, actor: Actor, structure_id: int) -> dict[str, Any]:
        """Return the team of a structure, for its members."""
        rung = await self.right(actor, structure_id)
        if rung < Right.CONSULTATION and not actor.is_administrator:
            raise Rejected("structure_not_found")
        team = await self._model.teams.find_one({"_id": structure_id})
        if team is None:
            raise Rejected("team_not_found")
        people = await self._model.users.find({"_id": {"$in": team["users"]}}, {"record": 1}).to_list(None)
        names = {raw["_id"]: _name(raw["record"]) for raw in people}
        members = [{**m, "name": names.get(m["user"])} for m in team["members"]]
        principal = {"user": team["principal"], "name": names.get(team["principal"])}
        return {"structure_id": structure_id, "version": team["version"], "principal": principal, "members": members}


def _name(record: Record) -> str | None:
    return " ".join(n for n in (record.get("first_name"), record.get("last_name")) if n) or None


def as_request(raw: Record) -> dict[str, Any]:
    """Return a request as the API shows it: as it is now, and every step it has gone through."""
    order = sorted(raw["steps"].values(), key=lambda s: (s["version"], s["at"]))
    current = raw["current"]
    return {**current, "steps": [{"status": s["status"], "code": s["code"], "at": s["at"]} for s in order]}

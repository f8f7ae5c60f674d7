"""The questions asked about requests."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.queries.history import record_at
from gateway.queries.paging import Page, listed
from gateway.queries.structures import Structures
from gateway.read_model import request_records
from gateway.read_model.schema import ReadModel
from gateway.visibility import structure
from shared.clock import iso
from shared.contracts import codes
from shared.contracts.messages.life import FINAL
from shared.contracts.messages.manager import RegisterUser
from shared.contracts.topics import OWNERS
from shared.domain.actor import Actor
from shared.errors import Rejected

_NEWEST_FIRST = (("row.received_at", -1), ("_id", 1))
_LAST_FIRST = [("row.version", -1)]
_FIELDS = {"row": 1, "steps": 1}
_OURS = frozenset({"wrong", "structure", "correlation_id"})
"""Fields of a row that are shown otherwise, or not at all."""
_CHANGING = frozenset({"accepted", "applied", "failed", "cancelled"})
"""Statuses with which the record changes: what is pending is part of it."""


class Requests:
    """Reads requests: one's own, and those made on structures one may consult."""

    def __init__(self, model: ReadModel, structures: Structures) -> None:
        self._rows = model.read_requests
        self._structures = structures

    async def one(
        self, actor: Actor, request_id: str, maker: str | None = None, *, owners: Iterable[str] = OWNERS
    ) -> dict[str, Any]:
        """Return a request that `maker` made, the reader themselves when left out. Raises Rejected(`not_found`).

        Of two that were sent to two owners under one id, the last to be received.
        """
        keys = [request_records.key(owner, maker or actor.id, request_id) for owner in owners]
        found = await self._rows.find({"_id": {"$in": keys}}, _FIELDS).to_list(None)
        raw = max(found, key=lambda each: each["row"]["received_at"], default=None)
        if raw is None or not await self._may_see(actor, raw["row"]):
            raise Rejected("not_found")
        return shown(raw)

    async def known(self, owner: str, actor: Actor, request_id: str) -> Mapping[str, Any] | None:
        """Return the row of one's own request to an owner with its `body_hash`, or None."""
        raw: Mapping[str, Any] | None = await self._rows.find_one(
            {"_id": request_records.key(owner, actor.id, request_id)}
        )
        return raw

    async def steps(self, actor: Actor, key: str, seen: int) -> tuple[list[tuple[int, dict[str, Any]]], bool]:
        """Return the steps of a row after the one seen, each with its place, and whether it has ended.

        Raises Rejected(`not_found`) when the row is not the reader's to see, or no longer.
        """
        raw = await self._rows.find_one({"_id": key}, _FIELDS)
        if raw is None:
            return [], False
        if not await self._may_see(actor, raw["row"]):
            raise Rejected("not_found")
        steps = sorted(raw["steps"].values(), key=lambda step: step["order"])
        return [(s["order"], as_step(s)) for s in steps if s["order"] > seen], raw["row"]["status"] in FINAL

    async def mine(self, actor: Actor, filters: Mapping[str, Any], page: Page) -> dict[str, Any]:
        """Return a page of one's own requests, newest first; what the gateway asked by itself is left out."""
        condition = {"row.actor": actor.id, "row.type": {"$ne": RegisterUser.type}, **_conditions(filters)}
        return await self._listed(condition, page)

    async def of_structure(
        self, actor: Actor, structure_id: int, filters: Mapping[str, Any], page: Page
    ) -> dict[str, Any]:
        """Return a page of what anybody asked about a structure, newest first, for whoever may consult it."""
        await self._structures.consulted(actor, structure_id)
        return await self._listed({"row.structure": structure_id, **_conditions(filters)}, page)

    async def history(self, actor: Actor, structure_id: int, page: Page) -> dict[str, Any]:
        """Return a page of what changed on a structure, newest first, for whoever may consult it (rule R20)."""
        await self._structures.consulted(actor, structure_id)
        changed = {"row.structure": structure_id, "row.status": "applied", "row.after": {"$exists": True}}
        return await self._listed(changed, page)

    async def record_at(self, actor: Actor, structure_id: int, at: int) -> dict[str, Any]:
        """Return a structure as it was at an instant (ms), for whoever may consult all of it (rule R20).

        Raises Rejected: `structure_not_found`, also when there was none yet; `members_only`; `not_yet` while what
        changed last is not told on every topic: the record and what changed it come by two, and either may be ahead.
        """
        document = await self._structures.consulted(actor, structure_id)
        ours = {"row.structure": structure_id, "row.owner": "structure"}
        told = await self._rows.find_one(ours, {"row.version": 1}, sort=_LAST_FIRST)
        if told is None or told["row"]["version"] < document["version"]:
            raise Rejected("not_yet")
        half_told = {**ours, "row.status": "applied", **request_records.NOT_OF_THE_JOURNAL}
        if await self._rows.find_one(half_told, {"_id": 1}) is not None:
            raise Rejected("not_yet")  # An outcome was faster: it does not say what changed.
        changed = {**ours, "row.status": "applied", "row.after": {"$exists": True}}
        # By version, not by time: the clocks of two replicas differ, and only what came after is undone.
        since: list[Mapping[str, Any]] = []
        async for raw in self._rows.find(changed, {"row": 1}).sort(_LAST_FIRST):
            change = raw["row"]
            if change["version"] > document["version"]:
                raise Rejected("not_yet")
            if change.get("effective_at", change["at"]) <= iso(at):
                past = {**document, "record": record_at(document["record"], change, since)}
                return structure.full(past, actor)
            since.append(change)
        raise Rejected("structure_not_found")

    async def _may_see(self, actor: Actor, row: Mapping[str, Any]) -> bool:
        if row["actor"] == actor.id or actor.is_administrator:
            return True
        if row["structure"] is None:
            return False
        try:
            await self._structures.consulted(actor, row["structure"])
        except Rejected:
            return False
        return True

    async def _listed(self, condition: Mapping[str, Any], page: Page) -> dict[str, Any]:
        return await listed(self._rows, condition, page, sort=_NEWEST_FIRST, fields=_FIELDS, show=shown)


def _conditions(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {f"row.{name}": value for name, value in filters.items() if value is not None}


def shown(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as the API shows it: as it is now, and each step it went through, in order."""
    steps = sorted(raw["steps"].values(), key=lambda step: step["order"])
    return {**as_told(raw["row"]), "steps": [as_step(step) for step in steps]}


def as_told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a request as the API shows it, with its French sentences.

    `version` is told only where a record of that version will be readable, so that it can be asked for.
    """
    told = {name: value for name, value in row.items() if name not in _OURS}
    if row["status"] not in _CHANGING or row["code"] == "nothing_to_change":
        del told["version"]
    told["message"] = codes.sentence_of(row)
    if row["wrong"]:
        told["errors"] = codes.errors_of(row["wrong"], row.get("details"))
    return told


def as_step(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return one step as the API shows it."""
    told = {name: step[name] for name in ("status", "code", "at", "effective_at") if name in step}
    return {**told, "message": codes.sentence_of(step)}

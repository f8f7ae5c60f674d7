"""Queries about requests."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.queries.history import record_at
from gateway.queries.paging import Page, listed
from gateway.queries.structure import Structures
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

_NEWEST_FIRST = (("record.received_at", -1), ("_id", 1))
_LAST_FIRST = [("record.version", -1)]
_FIELDS = {"record": 1, "steps": 1}
_OURS = frozenset({"wrong", "structure", "correlation_id"})
"""Fields of a request record that are shown in another form, or not at all."""
_CHANGING = frozenset({"accepted", "applied", "failed", "cancelled"})
"""Statuses with which the record changes: what is pending is part of it."""
_UNCHANGED = frozenset({"nothing_to_change", "already_up_to_date"})
"""Codes of requests that ended without changing it."""


class Requests:
    """Reads requests: one's own, and those made on structures one may consult."""

    def __init__(self, model: ReadModel, structures: Structures) -> None:
        self._records = model.reader("requests")
        self._structures = structures

    async def one(
        self, actor: Actor, request_id: str, maker: str | None = None, *, owners: Iterable[str] = OWNERS
    ) -> dict[str, Any]:
        """Return a request of `maker`, by default of the reader. Raises Rejected(`not_found`).

        Of two requests to two owners under the same id, it is the one received last.
        """
        keys = [request_records.key(owner, maker or actor.id, request_id) for owner in owners]
        found = await self._records.find({"_id": {"$in": keys}}, _FIELDS).to_list(None)
        raw = max(found, key=lambda each: each["record"]["received_at"], default=None)
        if raw is None or not await self._may_see(actor, raw["record"]):
            raise Rejected("not_found")
        return shown(raw)

    async def known(self, owner: str, actor: Actor, request_id: str) -> Mapping[str, Any] | None:
        """Return the stored record, with its `body_hash`, of one's own request to an owner, or None."""
        raw: Mapping[str, Any] | None = await self._records.find_one(
            {"_id": request_records.key(owner, actor.id, request_id)}
        )
        return raw

    async def steps(self, actor: Actor, key: str, seen: int) -> tuple[list[tuple[int, dict[str, Any]]], bool]:
        """Return the steps of a request after the one seen, each with its order, and whether the request has ended.

        Raises Rejected(`not_found`) when the reader may not see the request, or no longer.
        """
        raw = await self._records.find_one({"_id": key}, _FIELDS)
        if raw is None:
            return [], False
        if not await self._may_see(actor, raw["record"]):
            raise Rejected("not_found")
        steps = sorted(raw["steps"].values(), key=lambda step: step["order"])
        return [(s["order"], as_step(s)) for s in steps if s["order"] > seen], raw["record"]["status"] in FINAL

    async def mine(self, actor: Actor, filters: Mapping[str, Any], page: Page) -> dict[str, Any]:
        """Return a page of one's own requests, newest first.

        Registrations by the gateway are left out, and the parts of requests over several documents.
        """
        whole = {"record.type": {"$ne": RegisterUser.type}, "record.part_of": {"$exists": False}}
        condition = {"record.actor": actor.id, **whole, **_conditions(filters)}
        return await self._listed(condition, page)

    async def of_structure(
        self, actor: Actor, structure_id: int, filters: Mapping[str, Any], page: Page
    ) -> dict[str, Any]:
        """Return a page of all requests about a structure, newest first, for a reader who may consult it."""
        await self._structures.consulted(actor, structure_id)
        return await self._listed({"record.structure": structure_id, **_conditions(filters)}, page)

    async def history(self, actor: Actor, structure_id: int, page: Page) -> dict[str, Any]:
        """Return a page of the changes of a structure, newest first, for a reader who may consult it (rule R20)."""
        await self._structures.consulted(actor, structure_id)
        changed = {"record.structure": structure_id, "record.status": "applied", "record.after": {"$exists": True}}
        return await self._listed(changed, page)

    async def record_at(self, actor: Actor, structure_id: int, at: int) -> dict[str, Any]:
        """Return a structure as it was at an instant (ms), for a reader who may consult all of it (rule R20).

        Raises Rejected: `structure_not_found`, also when there was none yet; `members_only`; `not_yet` while the last
        change has not come on both topics: the record and its changes come on two, and either may be ahead.
        """
        document = await self._structures.consulted(actor, structure_id)
        ours = {"record.structure": structure_id, "record.owner": "structure"}
        outcome = await self._records.find_one(ours, {"record.version": 1}, sort=_LAST_FIRST)
        if outcome is None or outcome["record"]["version"] < document["version"]:
            raise Rejected("not_yet")
        half_known = {**ours, "record.status": "applied", **request_records.NOT_OF_THE_JOURNAL}
        if await self._records.find_one(half_known, {"_id": 1}) is not None:
            raise Rejected("not_yet")  # An outcome came before its journal entry: it does not say what changed.
        changed = {**ours, "record.status": "applied", "record.after": {"$exists": True}}
        # By version, not by time, since the clocks of two replicas differ: only later changes may be undone.
        since: list[Mapping[str, Any]] = []
        async for raw in self._records.find(changed, {"record": 1}).sort(_LAST_FIRST):
            change = raw["record"]
            if change["version"] > document["version"]:
                raise Rejected("not_yet")
            if change.get("effective_at", change["at"]) <= iso(at):
                then = {**document, "record": record_at(document["record"], change, since)}
                return structure.full(then, actor)
            since.append(change)
        raise Rejected("structure_not_found")

    async def _may_see(self, actor: Actor, record: Mapping[str, Any]) -> bool:
        if record["actor"] == actor.id or actor.is_administrator:
            return True
        if record["structure"] is None:
            return False
        try:
            await self._structures.consulted(actor, record["structure"])
        except Rejected:
            return False
        return True

    async def _listed(self, condition: Mapping[str, Any], page: Page) -> dict[str, Any]:
        return await listed(self._records, condition, page, sort=_NEWEST_FIRST, fields=_FIELDS, show=shown)


def _conditions(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {f"record.{name}": value for name, value in filters.items() if value is not None}


def shown(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as the API shows it: as it is now, and each step it went through, in order."""
    steps = sorted(raw["steps"].values(), key=lambda step: step["order"])
    return {**as_shown(raw["record"]), "steps": [as_step(step) for step in steps]}


def as_shown(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a request as the API shows it, with its French sentences.

    It has a `version` only where a record of that version will be readable, so that it can be used as `min_version`.
    """
    outcome = {name: value for name, value in record.items() if name not in _OURS}
    if record["status"] not in _CHANGING or record["code"] in _UNCHANGED:
        del outcome["version"]
    outcome["message"] = codes.sentence_of(record)
    if record["wrong"]:
        outcome["errors"] = codes.errors_of(record["wrong"], record.get("details"))
    return outcome


def as_step(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return one step as the API shows it."""
    outcome = {name: step[name] for name in ("status", "code", "at", "effective_at") if name in step}
    return {**outcome, "message": codes.sentence_of(step)}

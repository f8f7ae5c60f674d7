"""Queries about structures; each returns only what its reader may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.queries.min_version import Arrivals, Shown
from gateway.queries.paging import Page, listed
from gateway.read_model import search_words
from gateway.read_model.schema import ReadModel
from gateway.visibility import structure
from shared.domain import identifiers
from shared.domain.actor import Actor
from shared.errors import Rejected

SORTS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "name": (("sort", 1), ("_id", 1)),
    "-name": (("sort", -1), ("_id", -1)),
    "created_at": (("record.created_at", 1), ("_id", 1)),
    "-created_at": (("record.created_at", -1), ("_id", -1)),
    "id": (("_id", 1),),
    "-id": (("_id", -1),),
}


@dataclass(frozen=True)
class Filters:
    """The filters of a search; None and blank texts filter nothing."""

    words: str | None = None
    status: str | None = None
    sphere: str | None = None
    identifier_type: str | None = None
    city: str | None = None
    postcode: str | None = None

    def conditions(self) -> list[Mapping[str, Any]]:
        """Return the MongoDB conditions of the filters. City and postcode match from their beginning."""
        wanted: list[Mapping[str, Any]] = [
            {name: value}
            for name, value in (
                ("record.status", self.status),
                ("record.sphere", self.sphere),
                ("record.identifier.type", self.identifier_type),
            )
            if value is not None
        ]
        if not _is_blank(self.city):
            wanted.append(search_words.beginning("city", search_words.plain(self.city or "")))
        if not _is_blank(self.postcode):
            wanted.append(search_words.code_beginning("record.address.postcode", self.postcode or ""))
        if not _is_blank(self.words):
            wanted.append(search_words.condition(self.words or ""))
        return wanted


def _is_blank(text: str | None) -> bool:
    return text is None or not text.strip()


class Structures:
    """Reads structures and their teams. `patience` (ms) is how long a version that is not there yet is waited for."""

    def __init__(self, model: ReadModel, patience: int) -> None:
        self._found = model.reader("structures")
        self._arrivals = Arrivals(self._found, patience)

    async def one(self, actor: Actor, which: Mapping[str, Any], min_version: int = 0) -> dict[str, Any]:
        """Return the structure that `by_id` or `by_identifier` names, as its reader may see it.

        Raises Rejected: `structure_not_found`, also for one of which they may not know; `not_yet` when `min_version`
        can't be read in time.
        """
        return structure.full(await self._read(which, min_version, "version", _fields(actor), _known_to(actor)), actor)

    async def by_identifier(self, kind: str, value: str) -> Mapping[str, Any]:
        """Name a structure by its current or a former identifier, however it is written."""
        keys = identifiers.keys(kind, identifiers.compact(kind, value))
        if len(keys) > 1:  # A read model that was built before knows it only by an older key.
            found = await self._found.find_one({"keys": {"$in": list(keys)}}, {"keys": 1}) or {"keys": keys}
            keys = tuple(key for key in keys if key in found["keys"])
        return {"keys": keys[0]}

    async def consulted(self, actor: Actor, structure_id: int) -> Mapping[str, Any]:
        """Return the document of a structure for a reader who may consult all of it.

        Raises Rejected: `structure_not_found`; `members_only` for a structure that is public.
        """
        return await self._read(by_id(structure_id), 0, "version", _fields(actor), _consulted_by(actor))

    async def team(self, actor: Actor, structure_id: int, min_version: int = 0) -> Mapping[str, Any]:
        """Return the document of a structure with its team, for a reader who may consult all of it.

        Raises Rejected: `structure_not_found`, `members_only`; `team_not_found` while its team has not come yet;
        `not_yet`.
        """
        fields = {**_fields(actor), "team.members": 1}
        document = await self._read(by_id(structure_id), min_version, "team_version", fields, _consulted_by(actor))
        if "team" not in document:
            raise Rejected("team_not_found")
        return document

    async def search(self, actor: Actor, filters: Filters, page: Page, sort: str) -> dict[str, Any]:
        """Return a page of the structures an actor may find."""
        return await self._listed(actor, [structure.findable(actor), *filters.conditions()], page, sort)

    async def mine(self, actor: Actor, possible: str | None, page: Page, sort: str) -> dict[str, Any]:
        """Return a page of an actor's own structures; with `possible`, those for which they may make that request."""
        return await self._listed(actor, [structure.attached(actor, possible)], page, sort)

    async def _listed(self, actor: Actor, conditions: list[Mapping[str, Any]], page: Page, sort: str) -> dict[str, Any]:
        return await listed(
            self._found,
            # A structure of which only the team has come has no name yet. The condition lets MongoDB use the index of
            # names.
            {"$and": [{"sort": {"$gte": ""}}, *(c for c in conditions if c)]},
            page,
            sort=SORTS[sort],
            fields=_fields(actor),
            show=lambda document: structure.brief(document, actor),
        )

    async def _read(
        self,
        which: Mapping[str, Any],
        min_version: int,
        version: str,
        fields: Mapping[str, Any],
        shown: Shown,
    ) -> Mapping[str, Any]:
        """Return a document that may be shown, once its named version has come."""
        found = await self._arrivals.at_least(
            min_version, which, lambda: self._found.find_one(which, fields), field=version, shown=shown
        )
        if found is None:
            raise Rejected("structure_not_found")
        return found


def _known_to(actor: Actor) -> Shown:
    return lambda document: structure.may_know(document, actor)


def _consulted_by(actor: Actor) -> Shown:
    def shown(document: Mapping[str, Any]) -> bool:
        if not structure.may_know(document, actor):
            return False
        if not structure.may_consult(document, actor):
            raise Rejected("members_only")
        return True

    return shown


def _fields(actor: Actor) -> dict[str, Any]:
    """Return the fields that a reader needs of a structure: of its access levels, only their own."""
    mine = {"$elemMatch": {"user": actor.id}}
    return {"record": 1, "version": 1, "team_version": 1, "team.principal": 1, "access": mine}


def by_id(structure_id: int) -> Mapping[str, Any]:
    """Name a structure by its id."""
    return {"_id": structure_id}

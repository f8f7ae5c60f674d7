"""Builds the read model: what is kept of each record. A lower version never replaces a higher one."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.read_model.search import grams, plain
from shared.messages.life import request_key
from shared.mongo import ASCENDING, DUPLICATE_KEY, BulkWriteError, UpdateOne

_RANK = {"received": 0, "waiting": 1, "rejected": 2, "accepted": 3, "applied": 4, "failed": 4, "cancelled": 4}
Record = Mapping[str, Any]


class ReadModel:
    """Writes to the read model."""

    def __init__(self, database: Any) -> None:
        self.structures = database["structures"]
        self.teams = database["teams"]
        self.users = database["users"]
        self.requests = database["requests"]

    async def prepare(self) -> None:
        """Create the indexes; does nothing when they are there."""
        await self.structures.create_index([("keys", ASCENDING)], name="keys")
        await self.structures.create_index([("grams", ASCENDING)], name="grams")
        await self.structures.create_index([("sort", ASCENDING), ("_id", ASCENDING)], name="sort")
        await self.teams.create_index([("users", ASCENDING)], name="users")
        await self.requests.create_index([("actor", ASCENDING), ("at", -1)], name="actor")
        await self.requests.create_index([("structure", ASCENDING), ("at", -1)], name="structure")
        await self.requests.create_index([("request_id", ASCENDING)], name="request_id")

    async def put_structures(self, records: Sequence[Record]) -> None:
        """Take over records of structures."""
        await _guarded(self.structures, [(r["id"], r["version"], _structure(r)) for r in records])

    async def put_managers(self, records: Sequence[Record]) -> None:
        """Take over records of users and teams."""
        teams = [r for r in records if "structure_id" in r]
        users = [r for r in records if "structure_id" not in r]
        await _guarded(self.teams, [(r["structure_id"], r["version"], _team(r)) for r in teams])
        await _guarded(self.users, [(r["id"], r["version"], {"record": r}) for r in users])

    async def put_steps(self, steps: Sequence[Record]) -> None:
        """Take over steps of requests: each is kept, and the one with the highest version is the request as it is."""
        kept, newest = [], []
        for step in steps:
            key = request_key(step["actor"], step["request_id"])
            order = step["version"] * 10 + _RANK[step["status"]]
            kept.append(UpdateOne({"_id": key}, {"$set": {f"steps.{step['status']}": step}}, upsert=True))
            about = step.get("reference", {}).get("structure", {}).get("id")
            current = {
                "order": order,
                "current": step,
                "actor": step["actor"],
                "request_id": step["request_id"],
                "status": step["status"],
                "type": step["type"],
                "at": step.get("received_at") or step["at"],
                **({"structure": about} if about is not None else {}),
            }
            older = {"$or": [{"order": {"$lt": order}}, {"order": {"$exists": False}}]}
            newest.append(UpdateOne({"_id": key, **older}, {"$set": current}))
        if kept:
            await _tolerant(self.requests, kept)
            await self.requests.bulk_write(newest, ordered=True)


def _structure(record: Record) -> dict[str, Any]:
    identifiers = [record["identifier"], *record.get("former_identifiers", ())]
    address, person = record.get("address") or {}, record.get("person") or {}
    words = [
        record.get("name"),
        record.get("label"),
        person.get("first_name"),
        person.get("last_name"),
        address.get("city"),
        address.get("postcode"),
        *(i["value"] for i in identifiers),
    ]
    text = plain(" ".join(w for w in words if w))
    shown = record.get("name") or " ".join(person.values())
    return {
        "record": record,
        "keys": [f"{i['type']}:{i['value']}" for i in identifiers],
        "text": text,
        "grams": grams(text),
        "sort": plain(shown or ""),
        "public": record["sphere"] != "private",
    }


def _team(record: Record) -> dict[str, Any]:
    valid = [user for user, member in record["members"].items() if member["state"] == "valid"]
    # User ids may hold dots, so members are kept as a list.
    members = [{"user": user, **member} for user, member in record["members"].items()]
    team = {"principal": record["principal"], "sphere": record["sphere"], "members": members}
    return {**team, "users": [record["principal"], *valid]}


async def _guarded(collection: Any, values: Sequence[tuple[Any, int, Mapping[str, Any]]]) -> None:
    newest = {id_: (version, value) for id_, version, value in sorted(values, key=lambda v: v[1])}
    operations = [
        UpdateOne({"_id": id_, "version": {"$lt": version}}, {"$set": {**value, "version": version}}, upsert=True)
        for id_, (version, value) in newest.items()
    ]
    if operations:
        await _tolerant(collection, operations)


async def _tolerant(collection: Any, operations: Sequence[Any]) -> None:
    """Run upserts; one that finds a newer record already there is a duplicate key, and no error."""
    try:
        await collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if any(e["code"] != DUPLICATE_KEY for e in error.details.get("writeErrors", ())):
            raise

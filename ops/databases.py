"""`ops databases`: what an owner's MongoDB needs after it was restored from a backup."""

import asyncio
from typing import Any

import typer

from ops import show
from ops.errors import OpsError
from shared.contracts.topics import OWNERS
from shared.mongo import client as mongo
from shared.runtime.settings import MongoSettings

app = typer.Typer(help="An owner's database, after a restore. To be run as the owner.", no_args_is_help=True)

VERSIONS = 1_000_000
"""More than a document can have changed since any backup: readers that know a later version than was restored replace
it once the owner publishes."""
IDS = 100_000
"""More than can have been created since any backup: an id that was published is not given to something else."""


@app.callback()
def group() -> None:
    """An owner's database, after a restore. To be run as the owner."""


@app.command("restored")
def restored_command(*, dry_run: show.DryRun = False, yes: show.Yes = False) -> None:
    """Make what was restored count again as the truth: newer than all that was published, and republished.

    Every document gets a version that no reader has seen, and is published by the owner's processes once they run;
    new ids begin beyond all that may have been given. Run twice it does no harm. Stop the owner's processes first.
    """
    settings = MongoSettings()
    owner = next((name for name, process in OWNERS.items() if process == settings.database), None)
    if owner is None:
        raise OpsError(f"MONGO_DATABASE is {settings.database}, which is no owner's: {', '.join(OWNERS.values())} are")

    async def work(*, change: bool) -> int:
        database = mongo.connect(settings)
        try:
            return await _restored(database, owner, change=change)
        finally:
            database.client.close()

    documents = asyncio.run(work(change=False))
    if dry_run:
        print(f"{documents} documents of {owner} would be made newer and republished.")
        return
    show.agree(f"{documents} documents of {owner} will be made newer and republished. Go on?", yes=yes)
    asyncio.run(work(change=True))
    print(f"{documents} documents are republished once {settings.database} runs.")


async def _restored(database: Any, owner: str, *, change: bool) -> int:
    documents, kept = database[f"{owner}_documents"], {"state": {"$exists": True}}
    running = {"_id": f"sweeper:{owner}", "$expr": {"$gt": ["$until", "$$NOW"]}}
    if await database.leases.find_one(running):
        raise OpsError(f"{database.name} runs, or did so ten seconds ago: stop all its processes, then run this again")
    if change:
        await database.counters.update_many({}, {"$inc": {"next": IDS}})
        await documents.update_many(kept, {"$inc": {"version": VERSIONS}, "$set": {"unpublished_since": 0}})
    return int(await documents.count_documents(kept))

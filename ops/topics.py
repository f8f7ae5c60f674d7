"""`ops topics`: makes Kafka be what `shared/contracts/topics.py` says, and shows how it is."""

import time
from typing import Annotated

import typer
from confluent_kafka.admin import OffsetSpec

from ops import admin, offsets, propagation, provision, show
from ops.errors import OpsError
from ops.processes import known_process
from ops.settings import AdminSettings
from shared.clock import parse_instant
from shared.contracts import topics

app = typer.Typer(help="Topics and ACLs; how far each process has read.", no_args_is_help=True)

_DELETED_WITHIN = 60


@app.command("provision")
def provision_command(*, dry_run: show.DryRun = False) -> None:
    """Create what is missing and correct what differs, for existing partners too; nothing is ever removed."""
    settings = AdminSettings()
    client = admin.connect(settings)
    propagation.wait_for_brokers(client, settings)
    plan = provision.plan(client, settings)
    for line in plan.lines():
        typer.echo(f"{'would ' if dry_run else ''}{line}")
    for remark in plan.remarks():
        typer.echo(f"left alone: {remark}")
    if not dry_run:
        provision.carry_out(client, settings, plan)
        propagation.wait_until_known(client, settings, plan.users)
    typer.echo(f"{len(plan.lines())} changes{' to make' if dry_run else ' made'}.")


@app.command("status")
def status_command(*, as_json: show.Json = False) -> None:
    """List the topics, with how many records each holds and whether all its copies are in step."""
    settings = AdminSettings()
    client = admin.connect(settings)
    there = client.list_topics(timeout=admin.TIMEOUT).topics
    wanted = {topic.name for topic in topics.table(settings.effective_delay)}
    names = sorted(name for name in {*there, *wanted} if not name.startswith("__"))
    places = [(name, number) for name in names if name in there for number in there[name].partitions]
    ends = offsets.offsets(client, places, OffsetSpec.latest())
    starts = offsets.offsets(client, places, OffsetSpec.earliest())
    rows = []
    for name in names:
        partitions = list(there[name].partitions.values()) if name in there else []
        behind = sum(len(p.isrs) < len(p.replicas) for p in partitions)
        state = "ok" if partitions else "missing: run `topics provision`"
        rows.append(
            {
                "topic": name,
                "partitions": len(partitions),
                "records": sum(ends[name, p.id] - starts[name, p.id] for p in partitions),
                "copies": max((len(p.replicas) for p in partitions), default=0),
                "state": f"{behind} partitions have a copy out of step" if behind else state,
            }
        )
    show.table(rows, as_json=as_json, nothing="There is no topic: run `topics provision`.")


@app.command("lag")
def lag_command(
    process: Annotated[str | None, typer.Argument(help="only this process, such as structure_svc")] = None,
    *,
    as_json: show.Json = False,
) -> None:
    """List how many records each group has still to read. That of delay_svc is what waits for its time, not late."""
    chosen = topics.PROCESSES if process is None else (known_process(process),)
    rows = offsets.lag(admin.connect(AdminSettings()), chosen)
    show.table(rows, as_json=as_json, nothing="No group has read anything yet: are the processes running?")


@app.command("rewind")
def rewind_command(
    process: Annotated[str, typer.Argument(help="process whose groups go back; all its replicas must be stopped")],
    *,
    to: Annotated[str | None, typer.Option(help="instant such as 2026-11-23T10:00:00Z, to read again from")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="read again all that Kafka holds")] = False,
    topic: Annotated[str | None, typer.Option(help="only this topic")] = None,
    dry_run: show.DryRun = False,
    yes: show.Yes = False,
) -> None:
    """Make a process read topics again, such as after its database was restored from a backup.

    What it knows already changes nothing: requests have one effect, records replace older versions only. The user must
    be the process's own, or Kafka's administrator.
    """
    if (to is None) != from_start:
        raise OpsError("say from when: --to with an instant such as 2026-11-23T10:00:00Z, or --from-start")
    since = None if to is None else _instant(to)
    client = admin.connect(AdminSettings())
    found = offsets.groups(client, offsets.group_names(client, [known_process(process)]))
    plans = [(group, offsets.earlier(client, group, since)) for group in found]
    if topic is not None:
        plans = [(group, {at: goal for at, goal in goals.items() if at[0] == topic}) for group, goals in plans]
    plans = [(group, goals) for group, goals in plans if goals]
    for group, goals in plans:
        for (name, number), (at, goal) in goals.items():
            print(f"{group.name}: partition {number} of {name} back from {at} to {goal}")
    total = sum(at - goal for _, goals in plans for at, goal in goals.values())
    if plans and not dry_run:
        show.agree(f"{process} will read {total} records again. Go on?", yes=yes)
        for group, goals in plans:
            offsets.send_back(client, group, goals)
    print(f"{total} records {'would be' if dry_run else 'will be'} read again.")


@app.command("recreate")
def recreate_command(
    topic: Annotated[str, typer.Argument(help="a topic of states, such as structure.state")],
    *,
    dry_run: show.DryRun = False,
    yes: show.Yes = False,
) -> None:
    """Empty a topic of states, so that its owner can republish them: see « Back up and restore » in docs/operate.md.

    Stop every process first. Readers that start afterwards see what the owner publishes from then on, and nothing else.
    """
    if topic not in {topics.name(owner, topics.STATE) for owner in topics.OWNERS}:
        raise OpsError(f"{topic} is no topic of states: nobody could republish what another topic holds")
    settings = AdminSettings()
    client = admin.connect(settings)
    if dry_run:
        print(f"{topic} would be deleted and made again.")
        return
    show.agree(f"All records of {topic} will be gone until its owner republishes them. Go on?", yes=yes)
    client.delete_topics([topic], operation_timeout=admin.TIMEOUT)[topic].result()
    end = time.monotonic() + _DELETED_WITHIN
    while topic in client.list_topics(timeout=admin.TIMEOUT).topics:
        if time.monotonic() > end:
            raise OpsError(f"Kafka has not deleted {topic} yet: run `topics provision` once it is gone")
        time.sleep(0.5)
    provision.carry_out(client, settings, provision.plan(client, settings))
    print(f"{topic} is empty.")


def _instant(text: str) -> int:
    try:
        instant = parse_instant(text)
    except ValueError as error:
        raise OpsError(f"« {text} » is no instant: write it like 2026-11-23T10:00:00Z") from error
    assert isinstance(instant, int)  # noqa: S101 - a text is read as a number of ms.
    return instant

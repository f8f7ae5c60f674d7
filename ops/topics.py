"""`ops topics`: makes Kafka be what `shared/topics.py` says."""

from typing import Annotated

import typer

from ops import admin, provision, settle
from ops.settings import AdminSettings

app = typer.Typer(help="Topics, users and access rights.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Topics, users and access rights."""


@app.command("provision")
def provision_command(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be done")] = False
) -> None:
    """Create what is missing and correct what differs; nothing is ever removed."""
    settings = AdminSettings()
    client = admin.connect(settings)
    settle.wait_for_brokers(client, settings)
    plan = provision.plan(client, settings)
    for line in plan.lines():
        typer.echo(f"{'would ' if dry_run else ''}{line}")
    if not dry_run:
        provision.carry_out(client, plan)
        settle.wait_until_known(client, settings, plan.users)
    typer.echo(f"{len(plan.lines())} changes{' to make' if dry_run else ' made'}.")

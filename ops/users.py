"""`ops users`: the users of Kafka, and new passwords."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient

from ops import acls, admin, propagation, provision, show
from ops.errors import OpsError
from ops.settings import AdminSettings
from shared.contracts.topics import OPS, PROCESSES

app = typer.Typer(help="Users of Kafka and their passwords.", no_args_is_help=True)


@app.command("list")
def list_command(*, as_json: show.Json = False) -> None:
    """List the users: those of the table and of partners, and whether Kafka has a password of theirs."""
    settings = AdminSettings()
    client = admin.connect(settings)
    admin.require_administrator(client, settings)
    known = client.describe_user_scram_credentials().result(admin.TIMEOUT)
    partners = _partners(client)
    wanted = [*PROCESSES, OPS, *partners]
    given = settings.passwords(wanted)
    rows = [
        {
            "user": name,
            "in_kafka": "yes" if name in known else "no: run `topics provision`",
            "password_file": "yes" if name in given else "no",
            "what": _what(name, partners, settings),
        }
        for name in [*wanted, *sorted(set(known) - set(wanted))]
    ]
    show.table(rows, as_json=as_json, nothing="Kafka has no user.")


def _partners(client: AdminClient) -> list[str]:
    return [partner.user for partner in acls.partners(acls.granted(client))]


def _what(name: str, partners: Sequence[str], settings: AdminSettings) -> str:
    if name in PROCESSES or name == OPS:
        return "operators" if name == OPS else "a process"
    if name in partners:
        return "a partner"
    return "you" if name == settings.kafka.user else "unknown: named in no table"


@app.command("rotate-password")
def rotate_command(
    user: Annotated[str, typer.Argument(help="a process, ops, or a partner")],
    *,
    from_file: Annotated[
        bool, typer.Option("--from-file", help="take what stands in the file now, instead of making a new password")
    ] = False,
    dry_run: show.DryRun = False,
    yes: show.Yes = False,
) -> None:
    """Give a user of Kafka a new password, kept in the folder KAFKA_PASSWORDS; it is shown nowhere.

    Connections that stand go on. Restart the user's processes soon, one after the other: with the old password none
    can connect anew.
    """
    settings = AdminSettings()
    client = admin.connect(settings)
    admin.require_administrator(client, settings)
    known = (*PROCESSES, OPS, *_partners(client))
    if user not in known:
        raise OpsError(f"« {user} » is no user that is created here: choose one of {', '.join(known)}")
    if settings.kafka_passwords is None or not settings.kafka_passwords.is_dir():
        raise OpsError("KAFKA_PASSWORDS must name the folder that holds one file a user with its password")
    file = settings.kafka_passwords / user
    if from_file and not file.is_file():
        raise OpsError(f"there is no file {file} to take the password from")
    if dry_run:
        print(f"{user} would be given {'the password in' if from_file else 'a new password, kept in'} {file}.")
        return
    show.agree(f"{user} will be given another password on Kafka. Go on?", yes=yes)
    password = file.read_text().strip() if from_file else secrets.token_urlsafe(32)
    draft = file.with_name(f".{user}.new")
    if not from_file:
        _write(draft, password)  # Before Kafka has it: a password that nobody can read any more would be lost.
    change = provision.password_of(user, password)
    client.alter_user_scram_credentials([change])[user].result(admin.TIMEOUT)
    if not from_file:
        draft.replace(file)
    propagation.wait_until_known(client, settings, {user: password})
    print(f"{user} has a new password, in {file}. Restart its processes, one after the other.")


def _write(file: Path, text: str) -> None:
    try:
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(text)
    except OSError as error:
        raise OpsError(f"{file.parent} can't be written ({error.strerror}): nothing was changed") from error

"""`ops partners`: other systems. Each has a user of Kafka, ACLs, a quota, and a topic of its own outcomes."""

import re
import secrets
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ScramMechanism, UserScramCredentialDeletion

from ops import acls, admin, offsets, propagation, provision, quotas, show
from ops.acls import Partner
from ops.errors import OpsError
from ops.settings import AdminSettings
from shared.contracts import topics
from shared.contracts.topics import CLIENT, OPS, PARTNERS, PROCESSES

app = typer.Typer(help="Other systems that write requests on Kafka and read their outcomes.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="the partner's user of Kafka, such as facturier")]
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_GONE_WITHIN = 60


@app.command("list")
def list_command(*, as_json: show.Json = False) -> None:
    """List the partners: the client each is at the issuer, its topic, and how much it may write and read."""
    settings, client = _administrator()
    known = client.describe_user_scram_credentials().result(admin.TIMEOUT)
    limits = quotas.current(settings.kafka)
    there = client.list_topics(timeout=admin.TIMEOUT).topics
    rows = []
    for partner in acls.partners(acls.granted(client)):
        topic = topics.partner_outcomes(partner.client)
        rows.append(
            {
                "partner": partner.user,
                "client": partner.client,
                "topic": topic if topic in there else f"{topic} is missing: run `topics provision`",
                "password": "yes" if partner.user in known else "no: run `partners add`",
                **{name: limits.get(partner.user, {}).get(name) for name in settings.quota.of("partner")},
            }
        )
    show.table(rows, as_json=as_json, nothing="There is no partner: `partners add` makes one.")


@app.command("add")
def add_command(
    name: Name,
    *,
    client_id: Annotated[
        str | None, typer.Option("--client", help="its client at the issuer, if that is not its name here")
    ] = None,
    new_password: Annotated[bool, typer.Option("--new-password", help="give it another password")] = False,
    dry_run: show.DryRun = False,
) -> None:
    """Make a partner, or add what is missing of one: user, topic, ACLs and quota. Run twice, it does nothing more.

    Its password is the one in the file of its name in the folder KAFKA_PASSWORDS. Where there is none, one is made, and
    shown only this time: it is kept nowhere.
    """
    settings, client = _administrator()
    partner = Partner(name, client_id or name)
    check(partner, acls.partners(acls.granted(client)), settings.kafka.user)
    given = settings.passwords([name]).get(name)
    password = given or secrets.token_urlsafe(32)
    plan = provision.plan_partner(client, settings, partner, password, anew=new_password)
    for line in plan.lines():
        show.note(f"{'would ' if dry_run else ''}{line}")
    if not dry_run:
        provision.carry_out(client, settings, plan)
        propagation.wait_until_known(client, settings, plan.users)
    show.note(f"{len(plan.lines())} changes{' to make' if dry_run else ' made'}.")
    if plan.users and not dry_run and given is None:
        show.note(f"The password of {name}, which is shown only this time:")
        print(password)


@app.command("remove")
def remove_command(name: Name, *, dry_run: show.DryRun = False, yes: show.Yes = False) -> None:
    """Remove a partner: its user, ACLs, quota, groups, its topic and what is in it.

    Its pending requests go on, and can be read over HTTP by whoever may.
    """
    settings, client = _administrator()
    every = acls.partners(acls.granted(client))
    found = [partner for partner in every if partner.user == name]
    if not found:
        known = ", ".join(partner.user for partner in every) or "there is none"
        raise OpsError(f"there is no partner « {name} »: {known}")
    gone = [topics.partner_outcomes(partner.client) for partner in found]
    if dry_run:
        print(f"would remove user {name}, its ACLs, its quota, its groups and {', '.join(gone)}")
        return
    show.agree(f"{name} will reach Kafka no more, and what is in {', '.join(gone)} will be gone. Go on?", yes=yes)
    _delete_password(client, name)
    if limits := quotas.current(settings.kafka).get(name):
        quotas.change(settings.kafka, {name: dict.fromkeys(limits)})
    _delete_topics(client, gone)
    # A partner is known by its ACLs: interrupted before, the command can be run again.
    acls.delete_all(client, name)
    left = _delete_groups(client, name)
    for group in left:
        show.note(f"left alone: the group {group} is in use; Kafka deletes it seven days after its last use")
    print(f"{name} is removed.")


def _administrator() -> tuple[AdminSettings, AdminClient]:
    settings = AdminSettings()
    client = admin.connect(settings)
    admin.require_administrator(client, settings)
    return settings, client


def check(partner: Partner, others: Sequence[Partner], administrator: str) -> None:
    """Raise OpsError for a name that would give a partner more than its own, and for what another one has."""
    if not _NAME.fullmatch(partner.user):
        # `*` would be everybody, and with a dot a name could reach into another's consumer groups.
        raise OpsError(f"« {partner.user} » is no name for a partner: it may hold letters, digits, - and _ only")
    if not CLIENT.fullmatch(partner.client):
        raise OpsError(f"« {partner.client} » can't be part of a topic's name: give the partner another client")
    for name in (partner.user, partner.client):
        if name in {*PROCESSES, OPS, PARTNERS, administrator}:
            raise OpsError(f"{name} is one of our own, it can't be another system's")
    for other in others:
        if (other.user == partner.user) != (other.client == partner.client):
            raise OpsError(f"{other.user} reads what the client {other.client} asked: remove it first")


def _delete_password(client: AdminClient, name: str) -> None:
    if name in client.describe_user_scram_credentials().result(admin.TIMEOUT):
        gone = UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512)
        client.alter_user_scram_credentials([gone])[name].result(admin.TIMEOUT)


def _delete_topics(client: AdminClient, names: list[str]) -> None:
    there = client.list_topics(timeout=admin.TIMEOUT).topics
    if deleted := [name for name in names if name in there]:
        for job in client.delete_topics(deleted, operation_timeout=admin.TIMEOUT).values():
            job.result()
    end = time.monotonic() + _GONE_WITHIN
    while not set(names).isdisjoint(client.list_topics(timeout=admin.TIMEOUT).topics):
        if time.monotonic() > end:
            raise OpsError(f"Kafka has not deleted {', '.join(names)} yet: look again with `topics status`")
        time.sleep(0.2)


def _delete_groups(client: AdminClient, name: str) -> list[str]:
    """Delete the consumer groups of a user; return those that are in use still."""
    jobs: dict[str, Any] = {}
    if groups := offsets.group_names(client, [name]):
        jobs = client.delete_consumer_groups(groups, request_timeout=admin.TIMEOUT)
    left = []
    for group, job in jobs.items():
        try:
            job.result()
        except KafkaException:
            left.append(group)
    return left

"""Who tries, and on what: the users and the topics of a Kafka that the operators' command has prepared."""

from itertools import starmap

from confluent_kafka.admin import (
    AdminClient,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from dev.brokers import Brokers
from ops.acls import Partner
from ops.propagation import wait_until_known
from ops.settings import AdminSettings
from shared.clock import MINUTE
from shared.contracts.topics import OPS, PROCESSES, delay_topic, partner_topic, table
from tests.integration.acls.caller import calling
from tests.support.acls import operator, provision

PARTNERS = {"partner": "facturier", "facturier": "comptable"}
"""Users of other systems, each with its client; the name of one's user is that of another's client."""
STRANGER = "stranger"
"""A user who has a password and no ACL at all."""
USERS = (*PROCESSES, *PARTNERS, OPS, STRANGER)

_DELAY, _FORMER_DELAY = 30 * MINUTE, 45 * MINUTE
DELAY, FORMER = delay_topic(_DELAY), delay_topic(_FORMER_DELAY)
TABLE = [*table(_DELAY, _FORMER_DELAY), *map(partner_topic, PARTNERS.values())]
OURS = tuple(topic.name for topic in TABLE)
TOPICS = (*OURS, "weather", "__consumer_offsets")
"""Ours, another system's on the same Kafka, and Kafka's own."""

OWNERS_OF_GROUPS = (*PROCESSES, *PARTNERS, OPS)
GROUPS = {
    **{owner: owner for owner in OWNERS_OF_GROUPS},
    **{f"{owner}.{topic}": owner for owner in OWNERS_OF_GROUPS for topic in ("structure.state", "1.manager.state")},
    # Nobody's: whoever may use a name may not use those that begin with it, nor those it begins with.
    **{f"{owner}{end}": None for owner in OWNERS_OF_GROUPS for end in ("x", "-2", "_")},
    **dict.fromkeys(("gate", "part", "structure", "manager", "delay", STRANGER, f"{STRANGER}.state")),
}
"""Consumer groups and the user each belongs to."""


async def prepare(brokers: Brokers) -> None:
    """Provision an empty Kafka, as it is after the delay was changed; add the stranger, and the topics of others."""
    for delay in (_FORMER_DELAY, _DELAY):
        provision(brokers, (*PROCESSES, OPS), delay=delay, partitions=1, partners=starmap(Partner, PARTNERS.items()))
    settings = AdminSettings(kafka=operator(brokers))
    client = AdminClient(settings.client())
    client.create_topics([NewTopic("weather", 1)])["weather"].result(30)
    password = brokers.password(f"kafka/{STRANGER}")
    credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192)
    change = UserScramCredentialUpsertion(STRANGER, credential, password.encode())
    client.alter_user_scram_credentials([change])[STRANGER].result(30)
    wait_until_known(client, settings, {STRANGER: password})
    async with calling(operator(brokers)) as administrator:
        await administrator.wait_until_served(GROUPS)

"""Registers unknown users: the first process that sees one sends `user.register.v1` with the user's own token."""

import hashlib

from shared.clock import Clock
from shared.contracts.messages.cloudevents import Message, build
from shared.contracts.messages.manager import RegisterUser
from shared.domain.access_levels import user_key
from shared.engine.core.batch import Copies
from shared.engine.core.incoming import Incoming
from shared.engine.runtime.engine import Registration


def registering(process: str, clock: Clock) -> Registration:
    """Return the function that makes a registration for an actor of whom there is no copy yet.

    The message carries the actor's own token, so that `manager` verifies it like any other. Its id is derived from the
    actor, so that many registrations are one request. The gateway itself registers the users it acts for.
    """

    def register_unknown(incoming: Incoming, copies: Copies) -> Message | None:
        actor = incoming.actor
        if actor.via is not None or incoming.authorization is None or user_key(actor.id) in copies:
            return None
        digest = hashlib.sha256(actor.id.encode()).hexdigest()
        return build(
            "manager.requests",
            RegisterUser().partition_key(actor.id),
            b"{}",
            event_id=f"register.{digest[:32]}",
            event_type=RegisterUser.type,
            source=f"/{process}",
            at=clock.now(),
            correlation_id=incoming.correlation_id,
            traceparent=incoming.traceparent,
            extra=(("authorization", incoming.authorization.encode()),),
        )

    return register_unknown

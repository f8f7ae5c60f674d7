"""What a request of a stranger looks like, and how it is answered: for tests of every type of request."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts.messages.common import Request
from shared.domain.actor import Actor
from shared.engine.core.decide import Timing, Wait, absent, decide
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Context, Owner
from shared.engine.runtime.publish import Publisher

ABOUT_NOTHING: Mapping[str, str] = {
    "structure.create.v1": "an identifier that is taken must be reported as such: no two structures have one (rule R8)",
    "user.register.v1": "it is about the caller",
}
"""Types of requests that name nothing which exists and may be hidden, and why."""
VALUES: Mapping[str, Any] = {
    "sphere": "state",
    "profile": "consultation",
    "pigp": True,
    "active": False,
    "label": "x",
    "request_id": "some-request",
}
"""What a request says besides what it is about. A required field that stands nowhere here has to be added."""


def askable(types: Iterable[type[Request]]) -> list[type[Request]]:
    """Return the types of requests that name something which may be hidden from the caller."""
    return [model for model in types if model.type not in ABOUT_NOTHING]


def data_of(model: type[Request], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a request about something, as `about` names it by field; what else must be said is made up."""
    known = {**VALUES, **about}
    fields = [name for name, field in model.model_fields.items() if field.is_required() or name in about]
    return {name: known[name] for name in fields}


def refusal(
    owner: Owner[Any],
    timing: Timing,
    document: Document | None,
    request: Request,
    actor: Actor,
    copies: Mapping[str, Any],
    now: int,
) -> tuple[Any, bytes, bytes]:
    """Return the wait of a request about a document, or about nothing, and its refusal in the end.

    The first is None, or the code, for how long, and of what; the others are the key and the value of the message
    on the topic of outcomes.
    """
    draft = Draft(owner, document or Document(""))
    incoming = Incoming("r1", actor, request, "h", now)

    def decided(at: int) -> Wait | None:
        target = owner.target(request, actor, {})
        context = Context(
            actor=actor,
            now=at,
            request_id="r1",
            document=draft.document.id,
            reference=target.reference,
            copies=copies,
        )
        if document is None:
            return absent(draft, incoming, target, context, timing)
        return decide(draft, incoming, context, timing)

    wait = decided(now)
    if wait is not None:
        assert wait.deadline is not None
        assert decided(wait.deadline) is None
    (transition,) = draft.transitions
    outcome = Publisher(owner, timing.delay).transition(transition)[0]
    return wait and (wait.code, (wait.deadline or 0) - now, wait.reference), outcome.key, outcome.value

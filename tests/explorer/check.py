"""What must hold once nothing is left to do."""

from typing import Any

from shared.contracts.messages.life import FINAL, request_key
from shared.engine.core.document import view
from shared.engine.storage import codec
from tests.explorer.cases import Case
from tests.explorer.stack import Stack, content
from tests.support.toy import ALICE, OWNER


def at_rest(stack: Stack, case: Case) -> tuple[str, ...]:
    """Return what is wrong in a state in which nothing is left to do."""
    wrong: list[str] = []
    for number in range(len(case.requests)):
        wrong += _of_request(stack, f"r{number}", request_key(ALICE.id, f"r{number}"))
    for raw in stack.documents.values():
        document = codec.document_in(OWNER, raw)
        if document.pending:
            wrong.append(f"lost: pending for ever: {[p.transition.request_id for p in document.pending]}")
        if document.outbox:
            wrong.append(f"lost: never published: {[(s.request_id, s.status) for s in document.outbox]}")
        last = stack.shown.get(document.id)
        if document.state is not None and last != shown(raw):
            wrong.append(f"untrue: the last state of {document.id} says {last!r}, the document {shown(raw)!r}")
    return tuple(wrong)


def shown(raw: dict[str, Any]) -> bytes:
    """Return what readers of the state topic are to know of a document."""
    record = view(OWNER, codec.document_in(OWNER, raw))
    return content(OWNER.present(record)) if record else b""


def _of_request(stack: Stack, name: str, key: str) -> list[str]:
    record = stack.requests.get(key)
    if record is None or record["status"] not in FINAL:
        return [f"lost: {name} has no final record: {record and record['status']}"]
    wrong = []
    status = record["status"]
    if status not in stack.published.get(key, ()):
        wrong.append(f"lost: {name} ended {status}, and no outcome said so")
    truth = "rejected"
    if key in stack.cancelled:
        truth = "cancelled"
    elif key in stack.failed:
        truth = "failed"
    elif key in stack.accepted:
        truth = "applied"
    if status != truth:
        wrong.append(f"untrue: {name}: the record says {status}, the documents say {truth}")
    transitions = [transition for at, transition in stack.journal.items() if at.rpartition("|")[0] == key or at == key]
    last = max(transitions)[1] if transitions else "nothing"
    if last != status:
        wrong.append(f"untrue: {name}: the journal ends with {last}, the record with {status}")
    return wrong

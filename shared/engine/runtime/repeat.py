"""Repeats: a decided request is answered as before, and one that waits goes on from where it is."""

from dataclasses import replace

from shared.clock import Clock
from shared.engine.core.batch import Batch
from shared.engine.core.incoming import Incoming
from shared.engine.runtime.publish import Publisher
from shared.runtime import metrics


class Repeats:
    """Recognises repeats among requests."""

    def __init__(self, owner: str, clock: Clock, publisher: Publisher) -> None:
        self._owner, self._clock, self._publisher = owner, clock, publisher

    def answer(self, batch: Batch, request: Incoming) -> bool:
        """Answer a request that is decided already, as before; return whether it was.

        The same id with another body is refused; the first request stays as it is.
        """
        loaded = batch.loaded
        # Taken before `_join`, which replaces the correlation id by that of the first sender.
        correlation_ids = dict.fromkeys((request.correlation_id, *request.copies))
        record = loaded.records.get(request.key)
        if record is not None and record.broken is not None:
            record = None
        if record is not None and record.is_waiting and record.incoming is not None:
            _join(request, record.incoming)
        if record is not None and (not record.is_waiting or record.transition.body_hash != request.body_hash):
            known = record.transition
        elif request.key in loaded.decided:
            known, document = loaded.decided[request.key]
            if document.outbox:
                batch.unfinished[document.id] = document
        else:
            return False
        if known.body_hash and known.body_hash != request.body_hash:
            reused = request.transition(self._owner, "rejected", "request_id_reused", self._clock.now())
            for each in correlation_ids:
                batch.answers += self._publisher.answer(reused.replace(correlation_id=each))
        else:
            metrics.REPEATED.inc(len(correlation_ids))
            known = known.replace(client=request.actor.client, also_answer=())
            for each in correlation_ids:
                batch.answers += self._publisher.transition(known.replace(correlation_id=each), repeated=True)
        return True


def _join(request: Incoming, waiting: Incoming) -> None:
    """Let a request that waits already, or its repeat, go on from where it is."""
    request.came_again = not request.waiting and request.body_hash == waiting.body_hash
    request.waiting = True
    request.waited = waiting.waited | request.waited
    request.known = waiting.known | request.known
    request.also_from(waiting.also_answer)
    if request.actor.client is None:
        request.actor = replace(request.actor, client=waiting.actor.client)
    if request.came_again:
        request.rounds = waiting.rounds
        # The first sender is answered as before; those of repeats are answered too.
        own, request.correlation_id = request.correlation_id, waiting.correlation_id
        request.answer_now = tuple(dict.fromkeys((own, *request.copies)))
        request.also_from(request.answer_now)

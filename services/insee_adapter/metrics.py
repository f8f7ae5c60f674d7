"""The metrics of insee_adapter, besides those of every process."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("structures_insee_calls_total", "Calls to INSEE, by HTTP status or by what went wrong", ["outcome"])
CALL_SECONDS = Histogram(
    "structures_insee_call_seconds", "Time INSEE took to answer", buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
)
ANSWERS = Counter("structures_insee_answers_total", "Answers published, by result and source", ["result", "source"])
BREAKER_OPEN = Gauge("structures_insee_breaker_open", "1 while the circuit breaker is open, after failures in a row")
LOOK_UPS = Gauge("structures_insee_look_ups", "Look-ups queued and not answered yet, of all replicas")
OLDEST_SECONDS = Gauge(
    "structures_insee_oldest_seconds", "For how long the oldest look-up has waited for its answer, else 0"
)
QUOTA_USED = Gauge("structures_insee_quota_used", "Permits of the shared quota in use, when last read")
QUOTA_GRANTED = Gauge("structures_insee_quota_granted", "Calls per window that INSEE says it grants us")

"""What this process tells of itself at `/metrics`, beside what every process tells."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("structures_insee_calls_total", "Calls to INSEE, by HTTP status or by what went wrong", ["outcome"])
CALL_SECONDS = Histogram(
    "structures_insee_call_seconds", "Time INSEE took to answer", buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
)
ANSWERS = Counter("structures_insee_answers_total", "Answers given, by result and where from", ["result", "source"])
BREAKER_OPEN = Gauge("structures_insee_breaker_open", "1 while INSEE is left alone after failures in a row")
LOOK_UPS = Gauge("structures_insee_look_ups", "Look-ups accepted and not answered yet, all replicas together")
OLDEST_SECONDS = Gauge(
    "structures_insee_oldest_seconds", "For how long the look-up asked first is not answered, else 0"
)
QUOTA_USED = Gauge("structures_insee_quota_used", "Permits of the shared quota taken at our last look")
QUOTA_GRANTED = Gauge("structures_insee_quota_granted", "Calls per window that INSEE says it grants us")

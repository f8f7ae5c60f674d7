"""The metrics of delay_svc."""

from prometheus_client import Counter, Gauge, Histogram

LATENESS_SECONDS = Histogram(
    "delay_lateness_seconds",
    "From a record's due_at to its append in the target topic",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300),
)
EARLY = Counter(
    "delay_early_total", "Records forwarded early by the brokers' clock: the clock of this process is ahead"
)
FORWARDED = Counter("delay_forwarded_total", "Records forwarded", ["target"])
WINDOW_RECORDS = Gauge("delay_window_records", "Records read ahead that wait in memory")
HEAD_AGE_SECONDS = Gauge("delay_head_age_seconds", "How long the earliest waiting record has been due, else 0")
WRITER_AHEAD_SECONDS = Gauge(
    "delay_writer_ahead_seconds", "How far the clock of a waiting record's writer was ahead of the brokers'"
)
STALLS = Counter("delay_stalls_total", "Pauses of the process after which the group may have reassigned its partitions")
FENCED = Counter("delay_fenced_total", "Commits that the group refused, so that the relay dropped its partitions")

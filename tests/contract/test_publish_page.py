"""docs/publish-from-another-system.md names the statuses, codes, topics and quota that there are."""

import re
from pathlib import Path
from typing import get_args

from ops.settings import MIB, QuotaSettings
from shared.contracts import codes
from shared.contracts.messages.life import Status
from shared.contracts.topics import PARTNERS, partner_topic, table

TEXT = (Path(__file__).parents[2] / "docs" / "publish-from-another-system.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_statuses_and_codes_it_names_are_those_there_are() -> None:
    cells = re.findall(r"^\| (`[^|]+`) \|", section("What the answers mean"), re.MULTILINE)
    first = {name for cell in cells for name in re.findall("`(.+?)`", cell)}
    statuses = set(get_args(Status))
    assert statuses < first
    assert first - statuses <= set(codes.CODES)


def test_the_topics_it_names_are_those_of_the_table() -> None:
    topics = [*table(1), partner_topic("facturier"), partner_topic("<client>")]
    may = {t.name for t in topics if PARTNERS in t.writers or PARTNERS in t.readers}
    assert set(re.findall(r"`([a-z]+\.[a-z<>]+)`", section("Access"))) == may


def test_the_quota_it_names_is_the_one_there_is() -> None:
    quota = QuotaSettings().of("partner")
    written, read = (quota[f"{name}_byte_rate"] / MIB for name in ("producer", "consumer"))
    assert f"{written:g} MiB a second written and {read:g} MiB read" in TEXT

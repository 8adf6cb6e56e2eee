"""`switchboard.yaml`: what may stand in it, and what is said when it is wrong."""

from datetime import UTC, datetime

import pytest

from channels.errors import Malformed
from router.settings import parse

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "since"),
    [
        ("", NOW),
        (", from: end", NOW),
        (", from: start", None),
        (", from: 2027-02-01", datetime(2027, 2, 1, tzinfo=UTC)),
        (", from: '2027-02-01'", datetime(2027, 2, 1, tzinfo=UTC)),
        (", from: 2027-02-01T10:00:00+08:00", datetime(2027, 2, 1, 2, tzinfo=UTC)),
        (", from: '2027-02-01T10:00:00Z'", datetime(2027, 2, 1, 10, tzinfo=UTC)),
    ],
)
def test_where_a_telephone_log_begins(written: str, since: datetime | None) -> None:
    """At its end unless somebody wants its history, or a part of it."""
    settings = parse(f"hotline: {{pbx: {{queue_log: log{written}}}}}", "switchboard.yaml")
    assert settings.hotline["pbx"].since(NOW) == since


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hotline: {pbx: {queue_log: log, from: yesterday}}", "expected end, start, a date"),
        ("hotline: {pbx: {queue_log: log, from: 2027-02-01T10:00:00}}", "offset from UTC"),
        ("hotlines: {}", "hotlines: Extra inputs are not permitted"),
        ("http: {trusted_proxies: [nowhere]}", "nowhere"),
        ("kafka: {sasl: {mechanism: PLAIN}}", "PLAIN needs username and password"),
        ("kafka: {sasl: {mechanism: OAUTHBEARER}}", "OAUTHBEARER needs token"),
        ("[", "switchboard.yaml"),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    """File, field, and what was expected."""
    with pytest.raises(Malformed, match=problem):
        parse(text, "switchboard.yaml")

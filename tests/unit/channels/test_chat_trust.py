"""Visitors' tokens and the generic webhook's signature: only the holder of a secret makes one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.chat.signature import TOLERANCE, problem, sign
from channels.chat.visitor import new_visitor, token, visitor_of

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OLD, NEW = b"o" * 32, b"n" * 32


def test_token_proves_its_visitor_through_a_rotation() -> None:
    """The first secret signs, all verify; a secret that is gone proves nothing."""
    visitor = new_visitor()
    given_out = token("web", visitor, (OLD,))
    assert visitor_of(given_out, "web", (NEW, OLD)) == visitor
    assert visitor_of(given_out, "web", (NEW,)) is None
    assert visitor_of(given_out, "other", (OLD,)) is None


def test_visitors_are_distinct() -> None:
    """An id is drawn and not counted."""
    assert len({new_visitor() for _ in range(1000)}) == 1000


@given(text=st.text(max_size=80))
def test_no_other_text_proves_a_visitor(text: str) -> None:
    """Whatever a stranger sends."""
    assert visitor_of(text, "web", (NEW, OLD)) is None


def test_signature_through_a_rotation() -> None:
    """Poster and receiver may each have two secrets for a while."""
    both = sign(NEW, NOW, b"{}") + "," + sign(OLD, NOW, b"{}").partition(",")[2]
    assert problem(both, b"{}", (OLD,), NOW) is None
    assert problem(sign(OLD, NOW, b"{}"), b"{}", (NEW, OLD), NOW) is None
    assert problem(sign(OLD, NOW, b"{}"), b"{}", (NEW,), NOW) == "Switchboard-Signature is wrong"


@pytest.mark.parametrize("late", [TOLERANCE, -TOLERANCE])
def test_signature_is_good_to_the_last_second(late: timedelta) -> None:
    """Five minutes either way, and not one second more."""
    header = sign(NEW, NOW, b"{}")
    assert problem(header, b"{}", (NEW,), NOW + late) is None
    over = late * (1 + 1 / TOLERANCE.total_seconds())
    assert "clocks differ" in (problem(header, b"{}", (NEW,), NOW + over) or "")


@given(header=st.text(max_size=120), body=st.binary(max_size=20))
def test_no_other_header_is_believed(header: str, body: bytes) -> None:
    """Whatever a stranger sends, there is a reason to refuse it."""
    assert problem(header, body, (NEW,), NOW)


@given(body=st.binary(max_size=50), other=st.binary(max_size=50))
def test_signature_is_of_its_body_alone(body: bytes, other: bytes) -> None:
    """One body's signature fits no other."""
    header = sign(NEW, NOW, body)
    assert (problem(header, other, (NEW,), NOW) is None) == (body == other)

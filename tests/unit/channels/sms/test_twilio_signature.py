"""Who may post to the webhook."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sms.signature import sign, verify_body, verify_form

URL = "https://example.org/sms?a=1"
FORM = (("From", "+8613800138000"), ("Body", "你好"))


def _verify(case: dict[str, Any]) -> bool:
    if "body" in case:
        return verify_body(case["token"], case["url"], case["body"].encode(), case["signature"])
    params = [(name, value) for name, value in case["params"]]
    return verify_form(case["token"], case["url"], params, case["signature"])


@pytest.mark.shared_data
def test_published_cases(shared_data: Path) -> None:
    """Every published signature is judged as its origin judges it."""
    lines = (shared_data / "cases" / "twilio_signatures.jsonl").read_text("utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    assert len(cases) == 12
    assert [_verify(case) for case in cases] == [case["valid"] for case in cases]
    for case in cases:
        if case["valid"]:
            assert (
                sign(case["token"], case["signed_url"], map(tuple, case["params"]))
                == (case["signature"])
            )


@pytest.mark.shared_data
def test_published_vectors(shared_data: Path) -> None:
    """The library's own vectors hold; the one that states a body's hash only has that hash."""
    path = shared_data / "sms" / "twilio-signature" / "vectors.json"
    vectors = json.loads(path.read_text("utf-8"))
    assert len(vectors) == 3
    for vector in vectors:
        if "body" in vector:
            body = vector["body"].encode()
            assert hashlib.sha256(body).hexdigest() == vector["bodySHA256"]
            assert verify_body(vector["token"], vector["url"], body, sign("12345", vector["url"]))
            continue
        vector["params"] = vector.get("params_multi") or list(vector["params"].items())
        assert _verify(vector)


@pytest.mark.parametrize(
    ("signed", "received"),
    [
        ("https://example.org/", "https://example.org:443/"),
        ("https://example.org:443/", "https://example.org/"),
        ("http://example.org:80/x", "http://example.org/x"),
        ("https://[::1]/x?", "https://[::1]:8443/x?"),
        ("https://u:p@example.org/x", "https://u:p@example.org:8443/x"),
        ("https://u:p@example.org:443/x", "https://u:p@example.org/x"),
    ],
)
def test_port(signed: str, received: str) -> None:
    """A URL counts with its port, without it, and with its scheme's own port."""
    assert verify_form("t", received, FORM, sign("t", signed, FORM))


@pytest.mark.parametrize(
    ("token", "url", "params"),
    [
        ("u", URL, FORM),
        ("t", URL + "&b=2", FORM),
        ("t", "https://example.com/sms?a=1", FORM),
        ("t", "http://example.org/sms?a=1", FORM),
        ("t", URL, (*FORM, ("To", "+1"))),
        ("t", URL, FORM[:1]),
        ("t", URL, (("From", "+8613800138000"), ("Body", "您好"))),
    ],
)
def test_forged(token: str, url: str, params: tuple[tuple[str, str], ...]) -> None:
    """Another token, URL or parameter has another signature."""
    assert not verify_form(token, url, params, sign("t", URL, FORM))


@pytest.mark.parametrize("query", ["", "?bodySHA256=", "?bodySHA256=x&bodySHA256=y"])
def test_a_body_without_its_hash(query: str) -> None:
    """A signed URL alone vouches for no body."""
    url = "https://example.org/sms" + query
    assert not verify_body("t", url, b"{}", sign("t", url))


@given(st.text(), st.text(), st.lists(st.tuples(st.text(), st.text())), st.text())
def test_never_raises(token: str, url: str, params: list[tuple[str, str]], wrong: str) -> None:
    """Any texts are judged: the true signature is accepted, and another is not."""
    assert verify_form(token, url, params, sign(token, url, params))
    assert not verify_form(token, url, params, wrong)
    assert not verify_body(token, url, b"", wrong)

"""What the template of an acknowledgement may name is what the rulebook's check lets it name."""

import json

from channels.defaults import fill
from router.core.ack_variables import Variables
from router.core.triage import facts_of
from rules.decide import decide
from rules.index import compile_rulebook
from rules.templates import VARIABLES
from tests.unit.router.core.story import START

FILES = {
    "a.yaml": json.dumps(
        {
            "pools": {"p": {"queues": ["q"]}},
            "queues": {"q": {"name": "账单"}},
            "routes": [{"id": "default", "then": {"queue": "q"}}],
        }
    )
}


def test_everything_that_may_be_named_can_be_worked_out() -> None:
    """Neither more nor less; without an SLA it is always open, and nothing is promised."""
    compiled = compile_rulebook(FILES)
    request = fill({"channel": "sms", "account": "+8690", "sender": "+8610"}, at=START)
    decision = decide(compiled, facts_of(compiled, request, None, START))
    variables = Variables(compiled, request, decision, "k7f3q2mzt4ab")
    assert len(variables) == len(VARIABLES)
    assert variables == {
        "ticket": "k7f3q2mzt4ab", "customer": "", "queue": "账单", "type": "", "open": True,
        "due_at": None, "next_open": None, "timezone": "UTC",
    }  # fmt: skip
    assert variables.keys() == VARIABLES.keys()

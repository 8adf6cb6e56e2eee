"""The sets of candidates say what the definition of fitness says, agent by agent."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.core import assign
from router.core.agents import unable, unfit
from router.core.dispatch import Dispatch
from router.core.entities.ticket import Ticket
from router.core.queues import Place
from router.core.turn import Turn
from tests.unit.router.core.cores import Core, at, triaged

AGENTS, QUEUES, SKILLS = ("ann", "bob", "cat", "dan"), ("billing", "repairs"), ("zh", "en")
STRATEGIES = ("spare-capacity", "longest-idle", "least-loaded", "round-robin", "best-skill")
CHANGES = """
pools: {{service: {{queues: [billing, repairs, rescue]}}}}
queues:
  billing: {{strategy: {billing}, mode: {mode}, push_after: 7s, targets: [{{skills: {{zh: 2}}, for: 9s}}, {{queues: [repairs]}}]}}
  repairs: {{strategy: {repairs}, targets: [{{skip_if: nobody-available, for: 20s}}, {{skills: {{zh: 0}}}}], max_offers: 2, reoffer_after: 3s}}
agents:
  ann: {{queues: {{billing: 2, repairs: 1}}, capacity: 2, skills: {{zh: 3}}, weights: {{email: all}}}}
  bob: {{queues: [billing], capacity: 3, skills: {{zh: 1, en: 2}}, stage: newcomer}}
  cat: {{pool: service, queues: [repairs, billing], capacity: 1, skills: {{en: 5}}, reserve: {{tiers: vip, lend_after: 9s}}}}
  dan: {{queues: [rescue, repairs], capacity: 4, skills: {{zh: 2, en: 1}}, weights: {{sms: 0}}}}
stages: {{newcomer: {{capacity: 2, not_types: [complaint]}}}}
protection: {{types: [complaint], in_a_row: 1, rest: 10s, pause: 3s}}
types: {{complaint: {{}}, inquiry: {{}}}}
tiers: {{vip: {{}}}}
presence: {{ramp: {{start: 1, every: 10s}}}}
"""  # noqa: E501 - one queue, one agent a line

ACTIONS = st.one_of(
    st.tuples(
        st.just("request"), st.sampled_from(QUEUES), st.sampled_from(["sms", "email"]),
        st.dictionaries(st.sampled_from(SKILLS), st.integers(0, 3)),
        st.sampled_from(["complaint", "inquiry", None]), st.sampled_from(["vip", None]),
    ),
    st.tuples(
        st.just("presence"), st.sampled_from(AGENTS),
        st.sampled_from(["available", "available", "away", "offline"]),
    ),
    st.tuples(
        st.sampled_from(["accept", "decline", "resolve", "pending", "resume", "take", "transfer"]),
        st.sampled_from(AGENTS), st.integers(0, 5),
    ),
    st.tuples(st.just("time"), st.integers(1, 40)),
)  # fmt: skip


class Desks:
    """A core to which drawn things are done."""

    def __init__(self, strategies: tuple[str, str], mode: str) -> None:
        billing, repairs = strategies
        self.core = Core(CHANGES.format(billing=billing, repairs=repairs, mode=mode))
        self.seconds = 0.0
        self._count = 0

    @property
    def dispatch(self) -> Dispatch:
        """The core itself."""
        return self.core.core

    def do(self, action: tuple[Any, ...]) -> None:
        """One thing that was drawn."""
        self.seconds += 0.25
        kind, *rest = action
        if kind == "request":
            queue, channel, skills, type, tier = rest
            self._count += 1
            order = triaged(
                f"x{self._count}", queue, skills=skills, channel=channel, type=type, tier=tier
            )
            self.core.step(order, self.seconds)
        elif kind == "time":
            self.seconds += rest[0]
            self.core.fire(self.seconds)
        elif kind == "presence":
            self.core.command(rest[0], "presence", self.seconds, state=rest[1])
        else:
            self._command(kind, *rest)

    def _command(self, kind: str, agent: str, number: int) -> None:
        loads = self.dispatch.desk.loads
        own = sorted({*loads.held(agent), *loads.owned(agent)})
        ticket = own[number % len(own)] if own and kind != "take" else None
        fields = {"queue": "repairs"} if kind == "transfer" else {}
        self.core.command(agent, kind, self.seconds, ticket=ticket, **fields)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.sampled_from(STRATEGIES), st.sampled_from(STRATEGIES)),
    st.sampled_from(["push", "mixed", "pull"]),
    st.lists(ACTIONS, max_size=40),
)
def test_the_sets_say_what_the_definition_says(
    strategies: tuple[str, str], mode: str, actions: list[tuple[Any, ...]]
) -> None:
    """For every waiting ticket: who is fit, who is there, why the others are not."""
    desks = Desks(strategies, mode)
    for action in actions:
        desks.do(action)
        waiting = [one for one in desks.dispatch.desk.tickets.rows.values() if one.waits]
        for ticket in waiting:
            _same(desks.dispatch, ticket)
        for agent in AGENTS:
            _same_next(desks, agent, waiting)


def _same(dispatch: Dispatch, ticket: Ticket) -> None:
    desk = dispatch.desk
    need = desk.need(ticket)
    reasons = {
        name: unfit(agent, desk.agent(name), desk.loads.load(name), need, ticket)
        for name, agent in desk.roster.agents.items()
    }
    fit = desk.candidates.fit(need)
    for refusal in ticket.refusals:
        fit &= ~desk.roster.bits[refusal.agent]
    assert set(desk.roster.members(fit)) == {name for name, why in reasons.items() if why is None}
    serving = [
        name for name, agent in desk.roster.agents.items() if set(need.places) & set(agent.queues)
    ]
    why = Counter(reasons[name] for name in serving if reasons[name])
    assert desk.candidates.count(fit, need) == why


def _same_next(desks: Desks, agent: str, waiting: list[Ticket]) -> None:
    desk = desks.dispatch.desk
    spec = desk.roster.agents[agent]
    turn = Turn(desk, "look", at(desks.seconds), at(desks.seconds))
    for judge, offered in ((unfit, True), (unable, False)):
        found: list[tuple[int, Place]] = []
        for ticket in waiting:
            need = desk.need(ticket)
            reason = judge(spec, desk.agent(agent), desk.loads.load(agent), need, ticket)
            if reason is None and (need.push or not offered):
                ranks = [spec.priority_of(queue) for queue in spec.queues if queue in need.places]
                found.append((min(ranks), desk.waiting.place(ticket)))
        mine = assign.next_for(turn, agent, spec.queues, pushed_only=offered)
        assert (mine.ticket if mine else None) == (min(found)[1].ticket if found else None)

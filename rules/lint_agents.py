"""What is odd about agents: what they never get, and rules about them that do nothing."""

from collections.abc import Callable, Iterator

from rules.lint_routes import TEXT_CHANNELS, Finding
from rules.model import Rulebook
from rules.people import Agent


def _agents(rulebook: Rulebook) -> Iterator[Finding]:
    for name, agent in rulebook.agents.items():
        capacity, whose = _capacity(rulebook, agent)
        reason = _never_assigned(agent, capacity, whose)
        if reason is not None:
            yield ("agents", name), f"agent {name!r} can never be assigned anything: {reason}"
            continue
        for channel, weight in _weights(agent).items():
            if weight > capacity:
                said = f"agent {name!r} never gets {channel}: weight {weight} > {whose} {capacity}"
                yield ("agents", name, "weights", channel), said


def _weights(agent: Agent) -> dict[str, int]:
    """The weights that are numbers: what takes the whole of an agent fits."""
    return {str(channel): one for channel, one in agent.weights.items() if one != "all"}


def _capacity(rulebook: Rulebook, agent: Agent) -> tuple[int, str]:
    """How much the agent does at once, and whose bound that is."""
    stage = rulebook.stages.get(agent.stage)
    if stage is None or stage.capacity is None or stage.capacity >= agent.capacity:
        return agent.capacity, "capacity"
    return stage.capacity, f"the capacity of stage {agent.stage!r},"


def _never_assigned(agent: Agent, capacity: int, whose: str) -> str | None:
    if not agent.queues:
        return "no queues"
    if agent.capacity == 0:
        return "no capacity"
    weights = _weights(agent) | {str(one): 0 for one, how in agent.weights.items() if how == "all"}
    if all(weights.get(one, 1) > capacity for one in (*TEXT_CHANNELS, "hotline")):
        return f"every channel weighs more than {_the(whose)} {capacity}"
    return None


def _the(whose: str) -> str:
    return whose if whose.startswith("the ") else f"the {whose}"


def _stages(rulebook: Rulebook) -> Iterator[Finding]:
    for name, stage in rulebook.stages.items():
        if stage.types and set(stage.types) <= set(stage.not_types):
            said = f"stage {name!r} gets nothing: each of its `types` is in `not_types` as well"
            yield ("stages", name, "types"), said


def _protection(rulebook: Rulebook) -> Iterator[Finding]:
    rules = rulebook.protection
    acts, asks = bool(rules.in_a_row or rules.pause), bool(rules.types or rules.tags)
    if acts and not asks:
        yield ("protection",), "protection does nothing: no `types` and no `tags` are hard"
    if asks and not acts:
        yield ("protection",), "protection does nothing: neither `in_a_row` nor `pause` is given"
    given = {tag for route in rulebook.routes for tag in route.then.tags}
    for index, tag in enumerate(rules.tags):
        if tag not in given:
            yield ("protection", "tags", index), f"no route gives the tag {tag!r}"


def _reserved(rulebook: Rulebook) -> Iterator[Finding]:
    """Queues in which a ticket of another tier waits for ever."""
    for name, queue in rulebook.queues.items():
        places = {name}.union(*(target.queues for target in queue.targets))
        serving = [one for one in rulebook.agents.values() if not places.isdisjoint(one.queues)]
        kept = [one.reserve for one in serving if one.reserve and not one.reserve.lend_after]
        if queue.mode == "push" and serving and len(kept) == len(serving):
            tiers = ", ".join(sorted({tier for one in kept for tier in one.tiers}))
            yield ("queues", name), f"queue {name!r}: all who serve it are reserved for {tiers}"


LOOKS: tuple[Callable[[Rulebook], Iterator[Finding]], ...] = (
    _agents,
    _stages,
    _protection,
    _reserved,
)

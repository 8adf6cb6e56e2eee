"""What a route is tried for in vain: the word, or the value, that is too common to find it by."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rules.clauses import readers, shown
from rules.decision import Facts
from rules.index import Compiled, CompiledRoute
from rules.parts import Trigger


def shown_in_vain(
    compiled: Compiled, routes: Sequence[CompiledRoute], sample: Iterable[Facts]
) -> Mapping[str, Counter[Trigger]]:
    """By route: what these requests show that it looks for, where its condition does not hold.

    All that it looks for is there, also what no request of the sample shows.
    """
    looked_for = {route.id: route.condition.triggers or frozenset() for route in routes}
    found = {name: Counter(dict.fromkeys(wanted, 0)) for name, wanted in looked_for.items()}
    read = readers({one.field for wanted in looked_for.values() for one in wanted})
    for facts in sample if routes else ():
        context = compiled.index.context(facts, compiled.calendars)
        seen = {Trigger(*one) for one in shown(context, read)}
        for route in routes:
            both = seen & looked_for[route.id]
            if both and not route.condition.rest(context):
                found[route.id].update(both)
    return found

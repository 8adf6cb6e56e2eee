"""The rulebooks of the simulated router, and what the checkers are told of each.

The first is in force at the beginning; the others change what a change can reach: capacities and
offers, targets of running clocks, the queue and the agent that work is with.
"""

from collections.abc import Mapping
from dataclasses import replace

import yaml

from tests.simulation.checkers import Rules
from tests.simulation.reference import Sla
from tests.unit.router.core.story import merged

RULEBOOK = """
calendars: {always: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}}
slas:
  standard: {calendar: always, first_response: 60s, next_response: 60s, resolution: 10m, pause: [on-hold], warn: [50%, 75%], ladder: duty}
  urgent: {calendar: always, first_response: 30s, resolution: 5m, queue_time: 40s, periodic: 40s, warn: [75%], ladder: duty}
  brisk: {calendar: always, first_response: 20s, resolution: 90s, ladder: duty}
  pausing: {calendar: always, first_response: 45s, resolution: 4m, periodic: 50s, queue_time: 25s, pause: [pending], ladder: duty}
ladders:
  duty:
    - {level: 1, after: 0s, notify: [lead]}
    - {level: 2, after: 20s, notify: [manager], raise_priority: 1}
    - {level: 3, after: 60s, notify: [director], move_to: rescue}
pools: {service: {queues: [billing, complaints, rescue]}, office: {queues: [claims, archive]}}
queues:
  billing: {offer_timeout: 10s, aging: 30s, wrap_up: 6s}
  complaints: {offer_timeout: 8s, targets: [{skills: {complaints: 2}, for: 20s}, {skills: {complaints: 1}, for: 30s}, {queues: [rescue], for: 20s, skip_if: nobody-available}]}
  rescue: {offer_timeout: 12s}
  claims: {offer_timeout: 9s, aging: 30s}
  archive: {mode: pull, targets: [{for: 70s}, {move_to: rescue}]}
agents:
  ann: {pool: service, queues: [billing, complaints], skills: {complaints: 3}, capacity: 3, weights: {email: 2}}
  bob: {pool: service, queues: [billing], capacity: 2}
  cat: {pool: service, queues: [complaints, rescue], skills: {complaints: 1}, capacity: 4, weights: {hotline: all}}
  dan: {pool: service, queues: [rescue], capacity: 1}
  sue: {pool: service, queues: [], role: supervisor, capacity: 2}
  eve: {pool: office, queues: [claims, archive], capacity: 3}
  fay: {pool: office, queues: [claims], capacity: 1}
tiers: {vip: {priority: 2, sla: urgent, bonus: 30s}, standard: {}}
customers: {c1: {tier: vip, addresses: {sms: ["+8610"]}}}
types: {complaint: {sla: urgent}}
routes:
  - {id: spam, when: {text: {keywords: [casino]}}, then: {drop: spam}}
  - {id: complaint, when: {text: {keywords: [投诉, complaint]}}, then: {queue: complaints, type: complaint, priority: 1, ack: hello}}
  - {id: repair, when: {text: {keywords: [repair]}}, then: {queue: billing, sla: pausing}}
  - {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims, ack: hello, sla: standard}}
  - {id: paper, when: {text: {keywords: [paper]}}, then: {queue: archive, sla: brisk}}
  - {id: default, then: {queue: billing, sla: standard, ack: hello}}
acks: {hello: {sms: "got it {{ ticket }}", chat: "hello {{ ticket }}", email: "dear {{ ticket }}"}}
threading: {window: {sms: 15m, chat: 10m}, reopen: 3m, dedup: 1h}
presence: {grace: 15s, ramp: {start: 1, every: 20s}}
protection: {types: [complaint], in_a_row: 2, rest: 40s, pause: 5s}
"""  # noqa: E501 - one thing a line reads better here


FULLER = """
queues: {complaints: {offer_timeout: 5s}, archive: {mode: push}}
agents: {ann: {capacity: 1}, bob: {capacity: 4}, eve: {capacity: 2}, fay: {capacity: 2}}
"""

STRICTER = """
slas: {standard: {first_response: 40s}}
agents: {ann: {capacity: 2}}
"""

POORER = """
pools: {service: {queues: [billing, rescue]}}
queues: {complaints: null}
agents: {ann: {queues: [billing]}, cat: {queues: [rescue]}, dan: null}
routes:
  - {id: complaint, when: {text: {keywords: [投诉, complaint]}}, then: {queue: billing, type: complaint, ack: hello}}
  - {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims, sla: standard}}
  - {id: default, then: {queue: billing, sla: brisk, ack: hello}}
"""  # noqa: E501 - one thing a line reads better here

DUTY = ((1, 0), (2, 20), (3, 60))

RULES = Rules(
    capacity={"ann": 3, "bob": 2, "cat": 4, "dan": 1, "sue": 2, "eve": 3, "fay": 1},
    weights={"ann": {"email": 2}, "cat": {"hotline": 4}},
    slas={
        "standard": Sla(60, 60, 600, warn=(0.5, 0.75), levels=DUTY, pauses=("on_hold",)),
        "urgent": Sla(30, None, 300, periodic=40, queue_time=40, warn=(0.75,), levels=DUTY),
        "brisk": Sla(20, None, 90, levels=DUTY),
        "pausing": Sla(45, None, 240, periodic=50, queue_time=25, levels=DUTY, pauses=("pending",)),
    },
    serving={"billing": ("ann", "bob"), "claims": ("eve", "fay")},
    aging={"billing": 30, "claims": 30},
    bonus={"vip": 30},
    raises={2: 1},
    grace_seconds=15,
    ramp=1,
    hard=("complaint",),
    skills={"ann": {"complaints": 3}, "cat": {"complaints": 1}},
)

VARIANTS: Mapping[str, tuple[str, Rules]] = {
    "first": ("", RULES),
    "fuller": (
        FULLER, replace(RULES, capacity={**RULES.capacity, "ann": 1, "bob": 4, "eve": 2, "fay": 2}),
    ),
    "stricter": (
        STRICTER,
        replace(
            RULES, capacity={**RULES.capacity, "ann": 2},
            slas={**RULES.slas, "standard": replace(RULES.slas["standard"], first_response=40)},
        ),
    ),
    "poorer": (POORER, replace(RULES, capacity={**RULES.capacity, "dan": 0})),
}  # fmt: skip
"""By name, what a rulebook changes of the first, and what the checkers know of it."""


def written(variant: str) -> str:
    """The text of a variant's rulebook."""
    changes, _ = VARIANTS[variant]
    return yaml.safe_dump(merged(yaml.safe_load(RULEBOOK), yaml.safe_load(changes) or {}))


WRITTEN = {name: RULEBOOK if name == "first" else written(name) for name in VARIANTS}

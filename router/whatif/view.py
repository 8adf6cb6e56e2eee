"""The whole report in words: sentences, the figures that matter, tables, examples. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from router.whatif.compare import FIELDS, NONE, RECORDED, Example, Report, place, shown
from router.whatif.fates import TICKET, Fate
from router.whatif.figures import ALL_QUEUES, REPLY, RunFigures
from router.whatif.tables import LESS, Section, Tables, delta, number, share, tone_of, total
from router.whatif.words import Say


@dataclass(frozen=True)
class Tile:
    """One figure that matters, before and after; `old` is None where there is only one."""

    label: str
    old: str | None
    new: str
    tone: str = ""


@dataclass(frozen=True)
class Told:
    """One example: what is decided differently, and why, as (label, before, after)."""

    name: str
    said: str
    reasons: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class View:
    """The report as it is read from top to bottom."""

    title: str
    subtitle: str
    rulebooks: Sequence[tuple[str, str, str]]
    sentences: Sequence[str]
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    examples: Sequence[Told]
    about: Sequence[str]


class Viewer:
    """Puts one report into the words of one language."""

    def __init__(self, report: Report, say: Say) -> None:
        self._report = report
        self._say = say
        self._tables = Tables(report, say)
        self._zone = ZoneInfo(report.traffic.timezone)

    def view(self) -> View:
        """The report in words."""
        say, report = self._say, self._report
        return View(
            title=say("title"),
            subtitle=say(
                "subtitle",
                requests=number(report.traffic.requests),
                start=self._at(report.traffic.start),
                last=self._at(report.traffic.last),
                timezone=report.traffic.timezone,
            ),
            rulebooks=[
                (say("old_rulebook"), report.old.source, report.old.version),
                (say("new_rulebook"), report.new.source, report.new.version),
            ],
            sentences=list(self._sentences()),
            tiles=list(self._tiles()),
            sections=list(self._tables.sections()),
            examples=[self._example(one) for one in report.decisions.examples],
            about=list(self._about()),
        )

    def _at(self, instant: datetime) -> str:
        return f"{instant.astimezone(self._zone):%Y-%m-%d %H:%M}"

    # -- what it comes to

    def _sentences(self) -> Iterator[str]:
        say, decisions = self._say, self._report.decisions
        old, new = self._report.old.figures, self._report.new.figures
        if self._report.same:
            yield say("nothing" if old is not None else "nothing_decided")
            return
        if decisions.changed:
            yield say(
                "changed",
                changed=number(decisions.changed),
                requests=number(decisions.requests),
                share=share(decisions.changed, decisions.requests),
                moved=number(sum(one.count for one in decisions.moved)),
            )
        else:
            yield say("decided_the_same")
        if old is not None and new is not None:
            yield from self._figures_said(old, new)

    def _figures_said(self, old: RunFigures, new: RunFigures) -> Iterator[str]:
        breached = [total(one.targets, "breached") for one in (old, new)]
        yield self._say(
            "breaches_said",
            old=number(breached[0]),
            new=number(breached[1]),
            delta=delta(breached[1] - breached[0]),
        )
        replies = [one.times[REPLY].get(ALL_QUEUES) for one in (old, new)]
        if None not in replies:
            said = [self._say.duration(one.median) for one in replies if one is not None]
            yield self._say("replies_said", old=said[0], new=said[1])

    def _tiles(self) -> Iterator[Tile]:
        say, decisions = self._say, self._report.decisions
        yield Tile(say("tile_changed"), None, number(decisions.changed))
        yield Tile(say("tile_moved"), None, number(sum(one.count for one in decisions.moved)))
        old, new = self._report.old.figures, self._report.new.figures
        if old is None or new is None:
            return
        for label, before, after in (
            ("tile_breached", total(old.targets, "breached"), total(new.targets, "breached")),
            ("tile_waiting", _waiting(old), _waiting(new)),
            ("tile_escalations", sum(old.escalations.values()), sum(new.escalations.values())),
        ):
            tone = tone_of(float(after - before), LESS)
            yield Tile(say(label), number(before), number(after), tone)
        times = [one.times[REPLY].get(ALL_QUEUES) for one in (old, new)]
        seconds = [one.median for one in times if one is not None]
        if len(seconds) == len(times):
            was, is_ = map(say.duration, seconds)
            yield Tile(say("tile_reply"), was, is_, tone_of(seconds[1] - seconds[0], LESS))

    # -- examples

    def _example(self, example: Example) -> Told:
        old, new = dict(self._reasons(example.old)), dict(self._reasons(example.new))
        labels = dict.fromkeys((*old, *new))
        pairs = [(label, old.get(label, "-"), new.get(label, "-")) for label in labels]
        return Told(
            name=f"{example.channel} {example.external_id}",
            said=example.said,
            reasons=[(label, before, after) for label, before, after in pairs if before != after],
        )

    def _reasons(self, fate: Fate) -> Iterator[tuple[str, str]]:
        """Where it goes and why, and what else is decided."""
        say = self._say
        yield say("goes"), self._tables.place(place(fate))
        yield say("rule"), fate.rule or "-"
        yield say("clause"), fate.clause or "-"
        yield say("words"), ", ".join(fate.words) or "-"
        if fate.kind == TICKET:
            yield from ((say(name), shown(fate, name)) for name in FIELDS)

    # -- how it was worked out

    def _about(self) -> Iterator[str]:
        say, report = self._say, self._report
        agents, traffic = report.agents, report.traffic
        if agents.mode == NONE:
            yield say("about_decisions")
        else:
            yield say("about_replay", source=traffic.source, end=self._at(traffic.end))
            yield from self._about_agents()
        if traffic.unreadable:
            yield say("about_unreadable", count=number(traffic.unreadable))

    def _about_agents(self) -> Iterator[str]:
        say, agents = self._say, self._report.agents
        counts = {
            "commands": number(agents.commands),
            "old": number(agents.refused_old),
            "new": number(agents.refused_new),
        }
        if agents.mode == RECORDED:
            yield say("about_recorded", **counts)
            return
        if agents.commands:
            tried = agents.refused_old or agents.refused_new
            yield say("about_refused" if tried else "about_ignored", **counts)
        yield say(
            "about_model",
            accept=say.duration(agents.accept_seconds or 0),
            reply=say.duration(agents.reply_seconds or 0),
            resolve=say.duration(agents.resolve_seconds or 0),
        )
        if agents.own_times:
            yield say("about_own_times", count=number(agents.own_times))
        if agents.own_presence:
            yield say("about_own_presence", count=number(agents.own_presence))


def _waiting(figures: RunFigures) -> float:
    return sum(one.waiting.mean for one in figures.queues.values())

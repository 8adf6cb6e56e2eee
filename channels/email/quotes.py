"""What the customer wrote, without the history that the mail program put below it."""

from collections.abc import Sequence

from channels.email import quote_marks as marks
from channels.email.markup import QUOTE_END, QUOTE_MARK, unmarked

_ATTRIBUTION_LINES = 6
_ATTRIBUTION_CHARACTERS = 1_000
_BLOCK_LINES = 10
_TAIL = 500
_WRAPPED_AT = 50  # a quoted line so long may have lost its end to the next, unquoted line


def own_text(full: str) -> str:
    r"""The part of `full` that is not quoted, without a signature.

    A forward without own words keeps what it forwards, and a mail that is all quote stays whole.
    Between `QUOTE_MARK` and `QUOTE_END` is what the mail program itself says to be history; what
    stands above it counts, or, when nothing does, what stands below.

    >>> own_text("Thanks!\n\nOn Mon, 2 Mar 2026, Ann <ann@example.org> wrote:\n> Done.")
    'Thanks!'
    """
    plain = unmarked(full).strip()
    above, _, history = full.partition(QUOTE_MARK)
    below = history.partition(QUOTE_END)[2]
    for text in (unmarked(above), unmarked(below), plain):
        own = _Lines(text.split("\n")).own()
        if own:
            return own
    return plain


class _Lines:
    """The lines of one text, and what each of them is."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._quoted = _quoted(lines)
        self._own_from = self._last_own()

    def own(self) -> str:
        """The writer's lines; empty when there are none."""
        if self._forwards_only():
            return ""
        kept: list[str] = []
        index = 0
        while index < len(self._lines):
            if self._ends_here(index, kept):
                break
            skipped = self._attribution(index) or int(self._quoted[index])
            if not skipped:
                kept.append(self._lines[index])
            index += skipped or 1
        while kept and (not kept[-1].strip() or marks.RULE.match(kept[-1])):
            kept.pop()
        return "\n".join(kept).strip()

    def _forwards_only(self) -> bool:
        first = next((line for line in self._lines if line.strip()), "")
        return marks.FORWARDED.match(first) is not None

    def _last_own(self) -> int:
        """The index of the last line that is neither quoted nor empty; -1 when there is none."""
        indices = range(len(self._lines) - 1, -1, -1)
        return next((i for i in indices if self._lines[i].strip() and not self._quoted[i]), -1)

    def _ends_here(self, index: int, kept: Sequence[str]) -> bool:
        line = self._lines[index]
        if not line.strip():
            return False
        ends = (marks.ORIGINAL, marks.FORWARDED, marks.REPLY_ABOVE)
        if any(pattern.match(line) for pattern in ends) or self._is_block(index):
            return True
        if self._is_list_footer(index):
            return True
        if any(map(str.strip, kept)) and self._is_signature(index):
            return True
        count = self._attribution(index)
        return count > 0 and not self._answered_below(index + count)

    def _is_signature(self, index: int) -> bool:
        line = self._lines[index]
        if marks.SIGNATURE.match(line):
            return True
        # A sentence that begins so goes on, or ends in a full stop.
        alone = not self._lines[index - 1].strip() and line.rstrip()[-1] not in ".!?。"
        return alone and marks.SENT_FROM.match(line) is not None

    def _answered_below(self, index: int) -> bool:
        """Whether a quote follows, and below it stand own words."""
        return self._quote_follows(index) and self._own_from > self._next(index)

    def _quote_follows(self, index: int) -> bool:
        following = self._next(index)
        return following < len(self._lines) and self._quoted[following]

    def _next(self, index: int) -> int:
        while index < len(self._lines) and not self._lines[index].strip():
            index += 1
        return index

    def _attribution(self, index: int) -> int:
        """How many lines from `index` on say who wrote what follows, or 0."""
        joined = ""
        if not marks.SPEAKS.search(self._lines[index]):
            return 0
        lines = self._lines[index : index + _ATTRIBUTION_LINES]
        for count, line in enumerate(lines, start=1):
            stripped = line.strip()
            if not stripped or self._quoted[index + count - 1] != self._quoted[index]:
                return 0
            joined = f"{joined} {stripped}".strip()
            if len(joined) > _ATTRIBUTION_CHARACTERS:
                return 0
            above_quote = self._quote_follows(index + count)
            if _says_who_wrote(joined) or (above_quote and marks.DATED.search(joined)):
                # A line above that tells neither a time nor an address is the writer's own.
                if count > 1 and not _may_open(self._lines[index]):
                    return 0
                certain = marks.CERTAIN.search(joined) is not None
                return count if certain or above_quote else 0
        return 0

    def _is_block(self, index: int) -> bool:
        """Whether a block of From, Sent, To, Subject begins here, with or without a rule above."""
        line = self._lines[index]
        if marks.RULE.match(line) or marks.NAMED_RULE.match(line):
            index = self._next(index + 1)
        found: set[str] = set()
        address = False
        for line in self._lines[index : index + _BLOCK_LINES]:
            field = marks.FIELD.match(line)
            if field and field.lastgroup:
                found.add(field.lastgroup)
                address = address or "@" in line
            elif not found:
                return False
        # Whoever writes "From: Beijing, To: Xi'an, Date: …" has no subject and no address there.
        return len(found) >= 3 and "from" in found and (address or "subject" in found)

    def _is_list_footer(self, index: int) -> bool:
        following = index + 1
        return (
            following < len(self._lines)
            and marks.LIST_FOOTER.match(self._lines[index]) is not None
            and marks.LIST_NAME.match(self._lines[following][:200]) is not None
        )


def _quoted(lines: Sequence[str]) -> list[bool]:
    """Which lines are quoted: by `>`, or torn from a quoted line that was wrapped."""
    found: list[bool] = []
    for index, line in enumerate(lines):
        by_sign = marks.QUOTED.match(line) is not None
        torn = (
            not by_sign
            and bool(line.strip())
            and index > 0
            and found[-1]
            and len(lines[index - 1]) >= _WRAPPED_AT
            and index + 1 < len(lines)
            and (not lines[index + 1].strip() or marks.QUOTED.match(lines[index + 1]) is not None)
        )
        found.append(by_sign or torn)
    return found


def _may_open(line: str) -> bool:
    if marks.OPENS.search(line):
        return True
    return marks.OPENER.match(line) is not None and marks.CERTAIN.search(line) is not None


def _says_who_wrote(line: str) -> bool:
    """Whether `line` is an attribution, as mail programs word it.

    Each sign is looked for by itself: one pattern for all of them would take cubic time.
    """
    if not marks.ATTRIBUTION_END.search(line[-40:]):
        return False
    tail = line[-_TAIL:]
    introduced = "@" in line or marks.OPENER.match(line) is not None
    return (
        (introduced and marks.VERB.search(line) is not None)
        or marks.VERB_AT_END.search(tail) is not None
        or (marks.TIME.search(line) is not None and marks.ADDRESS_AT_END.search(tail) is not None)
        or any(pattern.match(line) for pattern in (marks.DATED_ADDRESS, marks.CHINESE_OPENED))
        or marks.CHINESE.search(tail) is not None
        or marks.EAST_ASIAN.match(line) is not None
    )

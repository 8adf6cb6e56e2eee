"""Whose fault is it, and is it worth trying again?

    SwitchboardError
    ├── Malformed      the input is wrong: never retried; dead letter, or exit code 1
    ├── Refused        the sender may not do this: bad signature, oversize; answered, counted
    └── Unavailable    a dependency does not answer: retried with backoff; exit code 3
        └── Full       … and it is the log's disk or memory: sources stop taking

What is none of these is a programmer's error and crashes.
"""


class SwitchboardError(Exception):
    """The root: its text is a sentence for the operator."""


class Malformed(SwitchboardError):
    """The input cannot be understood. Retrying gives the same result."""


class Refused(SwitchboardError):
    """The input was understood and may not be taken: forged, unsigned, or too large."""


class Unavailable(SwitchboardError):
    """A log, a mail server or an HTTP peer does not answer now. Nothing was taken; try again."""


class Full(Unavailable):
    """The log has no room left. Sources stop taking until it has."""

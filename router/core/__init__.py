"""The pure core: events in, outputs out. No I/O, no clock, no randomness, no logging."""

"""The desktop's commands, one handler each: check against the state, then move the ticket.

A handler raises `Rejected` before it changes anything, or does what it was asked.
"""

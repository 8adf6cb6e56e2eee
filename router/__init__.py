"""Decide, then do: the two stages of the router, the log under them, and the commands."""

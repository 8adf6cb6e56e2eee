"""How the routes of a rulebook do: how often each wins, what it is in the way of, what it costs."""

"""The terminal desk: the same topics and commands that every agent desktop uses."""

"""The demo: sample traffic through real sockets and files, agents who work by a script."""

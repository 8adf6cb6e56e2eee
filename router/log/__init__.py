"""The logs behind one protocol: restore, poll, commit, publish, subscribe."""

"""What would change under another rulebook: recorded requests through both, in virtual time."""

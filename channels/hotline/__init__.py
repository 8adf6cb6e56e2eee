"""Calls, as the telephone system logs them."""

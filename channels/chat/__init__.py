"""Web chat and the generic webhook: JSON."""

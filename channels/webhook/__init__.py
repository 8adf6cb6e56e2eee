"""Programs that are told: a signed POST to a URL, the way out alone."""

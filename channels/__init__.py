"""Where a message arrives and a reply leaves: pure parsers, thin sources and senders."""

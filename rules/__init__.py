"""Where should a request go? The rulebook, its index and its decisions; everything here is pure."""

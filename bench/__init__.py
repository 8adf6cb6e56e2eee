"""Benchmarks: figures as ratios to a baseline in the same run. `make bench` runs all of them."""

"""Speed and memory of the load, as ratios within one run: `python -m tests.bench`."""

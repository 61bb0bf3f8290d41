"""How fast the real commands and reads are, as ratios to a yardstick of the same run.

`python -m benchmarks` prints them; docs/performance.md says how they are to be read."""

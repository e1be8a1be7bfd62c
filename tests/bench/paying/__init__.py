"""What the benchmarks of paying share: open payments, signed notices of them, the load, the baseline."""

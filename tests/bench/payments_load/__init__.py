"""What the benchmarks of payments share: open payments, signed notices of them, the load, the baseline."""

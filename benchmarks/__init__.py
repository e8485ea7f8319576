"""Measurements, run by hand. Speed is measured beside the rival, in the same run; only ratios are worth quoting."""

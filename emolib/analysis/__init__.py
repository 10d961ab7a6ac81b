"""Statistics, evidence, claims, luck, leakage, baselines and calibration of results."""

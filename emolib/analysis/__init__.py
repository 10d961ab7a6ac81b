"""Statistics, evidence, claims, robustness, baselines and calibration of results."""

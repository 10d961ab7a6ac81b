"""What results mean: statistics, evidence, claims, luck, leakage, baselines, calibration."""

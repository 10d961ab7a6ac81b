"""Statistics, evidence, verdicts, robustness, baselines and error rates of the tests."""

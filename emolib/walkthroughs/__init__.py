"""Lessons on the library's own code: what the notebooks in ``notebooks/walkthroughs`` show and
check.
"""

"""Lessons on the library: checks of answers, and pages made of `notebooks/walkthroughs`."""

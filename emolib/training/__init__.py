"""Training: a table of networks in, results out."""

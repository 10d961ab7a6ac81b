"""A table of networks in, results out: the sweep, the stack, two engines, kernels, the cache."""

"""What training costs, by the ways people train many small networks: `python -m emolib.bench` writes reports/bench.json."""

"""Parts of `bench/orders.py`: the seed, the load, the rival."""

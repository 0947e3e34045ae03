"""A small app whose pages survive: run it with `python -m demo_app`, or `make demo`."""

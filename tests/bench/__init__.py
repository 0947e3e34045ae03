"""Measurements of what the library costs, each beside what a user would otherwise pay. Run by `make bench`."""

"""Objects in one SQLite file: the store, the thread that commits, the thread that reads, and how a file is opened."""

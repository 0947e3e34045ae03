"""Real servers of object storage, and one of our own, each a process that a test session starts on free ports."""

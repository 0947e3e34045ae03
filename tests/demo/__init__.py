"""The demo, opened and broken as a visitor would."""

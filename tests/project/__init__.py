"""Stories of the wiring."""

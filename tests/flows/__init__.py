"""Stories of the flows."""

"""Stories of the tokens."""

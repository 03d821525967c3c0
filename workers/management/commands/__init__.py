"""Commands of the workers room."""

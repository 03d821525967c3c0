"""Stories of the workers."""

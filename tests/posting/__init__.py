"""Stories of the posting."""

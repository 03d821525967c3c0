"""Commands of the posting room."""

"""Commands of the tokens room."""

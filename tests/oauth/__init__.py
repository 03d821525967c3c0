"""Stories about keys, told against an authorization server that nobody here wrote."""

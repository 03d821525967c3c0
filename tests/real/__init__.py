"""Stories against servers that nobody here wrote; each has its own make target."""

"""Stories about one grant behind several accounts, and about short keys that become lasting."""

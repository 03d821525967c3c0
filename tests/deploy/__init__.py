"""The starting and supervising of everything: real processes, on loopback."""

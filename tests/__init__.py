"""The tests: stories told with a cast of three, networks played by their twins."""

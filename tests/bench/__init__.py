"""Measurements: how fast the product is beside simpler and barer ways; no test asserts a time."""

"""Hands: everything that happens later; Celery tasks live here only."""

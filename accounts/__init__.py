"""Who: people, their teams, and what they may do."""

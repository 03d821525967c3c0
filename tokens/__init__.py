"""Keys: the accounts we can post as, and the encrypted grants behind them."""

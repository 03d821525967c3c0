"""What every twin shares: the wire, the dance, the trouble, the board and the memory."""

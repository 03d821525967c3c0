"""Starting, supervising and trying out Postrider: the demo, the smoke test, the local servers."""

"""Outside services that are not networks: where files are kept, and who looks into them."""

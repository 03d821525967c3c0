"""The adapters' tools, piece by piece; the adapters themselves play one door up."""

"""The tools every adapter is made of: contract, errors, HTTP client, OAuth, counting."""

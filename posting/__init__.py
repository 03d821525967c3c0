"""What and when: posts, their results on each account, and every attempt."""

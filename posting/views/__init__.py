"""The pages of the posting room, a file for each screen."""

"""Files in an S3 that enforces what a ticket says: run by `make test-s3`."""

"""What takes too long for every run: `make drills` calls it, `make test` does not."""

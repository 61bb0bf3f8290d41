"""The real commands, walked at random."""

"""Rules of the house: tests about the code itself."""

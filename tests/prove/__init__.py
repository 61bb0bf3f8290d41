"""Tests of the explorer itself: that it walks the engine's own tables, and sees what is wrong."""

"""People at work in a real browser, with JavaScript off."""

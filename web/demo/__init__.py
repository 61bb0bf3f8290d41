"""The demo: a fictional system whose history was made by the real commands at past times."""

"""What `web/` answers: pages, programs, the command line."""

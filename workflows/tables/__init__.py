"""The machines, each as a table of moves. The commands made of them are one folder up."""

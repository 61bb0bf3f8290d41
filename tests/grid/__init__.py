"""Who may do what, kept by hand from the design: the tables that code is compared with."""

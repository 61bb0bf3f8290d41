"""Who is let in where: every route, every role, every record."""

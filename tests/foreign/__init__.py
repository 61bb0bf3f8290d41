"""Other people's verifiers read our log: see CONTRIBUTING.md, `make verify-foreign`."""

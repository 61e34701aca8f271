"""The command line: one command per file, none of which imports torch before it has work for it."""

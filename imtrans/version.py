"""The one place where the version stands; importing it imports nothing else."""

__version__ = "0.1.0"

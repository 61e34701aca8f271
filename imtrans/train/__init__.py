"""How models learn: a method says who learns from what, and the loop runs it."""

"""Portraits out of photographs: faces found, levelled, cut out with a margin, and put on white."""

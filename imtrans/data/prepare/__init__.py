"""Data sets made from ordinary pictures, one package a way of making them."""

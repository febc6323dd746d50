"""Turns a health professional's phone into their login key."""

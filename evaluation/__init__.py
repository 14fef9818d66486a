"""Measure and decide; knows no vendor and no web framework."""

__version__ = "0.1.0"

"""Invented traffic to try things out with, and the sample that ships in raw/."""

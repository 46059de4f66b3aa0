"""Checks that read as claims. ERROR and blocking only for wrong numbers; WARN for odd ones."""

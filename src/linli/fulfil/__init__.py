"""Fulfil: pickup and hand-over."""

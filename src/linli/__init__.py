"""Linli (邻里): an operating system for community group-buying."""

"""Insight: the lake, features, segments, metrics, scores, experiments."""

"""Other systems' exports as facts: recognised, checked whole, told once, taken back as a whole.

What the known exports look like, and how that is known: docs/imports.md.
"""

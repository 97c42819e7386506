"""Kernel: money, clocks, ids, refusals, ledger, events, work and effects. It knows no shop words."""

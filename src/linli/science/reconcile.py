"""Forecasts that add up: SKU x place to SKU x city to city, reconciled by MinT.

Base forecasts of all levels are projected onto those that add up, weighing each by the covariance
of its past errors, shrunk to its diagonal: the trace-minimising reconciliation of Wickramasuriya,
Athanasopoulos & Hyndman (2019), with the shrinkage of Schaefer & Strimmer (2005).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def summing(groups: list[npt.NDArray[np.int64]]) -> Floats:
    """S, (levels' nodes + leaves, leaves): upper nodes in the order of ``groups`` (codes of each leaf), leaves last."""
    leaves = len(groups[0])
    upper = [np.equal.outer(np.arange(int(code.max()) + 1), code).astype(np.float64) for code in groups]
    return np.vstack([*upper, np.eye(leaves)])


def shrunk_covariance(errors: Floats) -> Floats:
    """Covariance of one-step errors (periods, nodes), shrunk to its diagonal by the optimal weight."""
    periods, nodes = errors.shape
    centred = errors - errors.mean(axis=0)
    covariance = centred.T @ centred / max(periods - 1, 1)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    scaled = centred / deviation
    correlation = covariance / np.outer(deviation, deviation)
    products = np.einsum("ti,tj->tij", scaled, scaled)
    variance = ((products - products.mean(axis=0)) ** 2).sum(axis=0) * periods / max(periods - 1, 1) ** 3
    off = ~np.eye(nodes, dtype=bool)
    below = float((correlation[off] ** 2).sum())
    weight = 1.0 if below == 0 else float(np.clip(variance[off].sum() / below, 0.0, 1.0))
    result: Floats = np.outer(deviation, deviation) * np.where(off, (1 - weight) * correlation, 1.0)
    return result


def reconcile(base: Floats, s: Floats, covariance: Floats) -> Floats:
    """S (S' W^-1 S)^-1 S' W^-1 base: the forecasts that add up and are nearest in the metric W.

    Args:
        base: (nodes,) or (nodes, periods), in the order of the rows of ``s``.
        s: the summing matrix, (nodes, leaves).
        covariance: W, (nodes, nodes), positive definite; its diagonal alone is WLS, the identity OLS.

    Returns:
        the same shape as ``base``; unbiased forecasts stay unbiased. May fall below zero.
    """
    weighed = np.linalg.solve(covariance, s)
    result: Floats = s @ np.linalg.solve(s.T @ weighed, weighed.T @ base)
    return result


def spread_down(leaves: Floats, total: Floats, code: npt.NDArray[np.int64]) -> Floats:
    """WLS with each leaf's variance proportional to its mean, and the total known: leaves scaled to their group's total.

    Args:
        leaves: means, (leaves, periods); total: (groups, periods); code: group of each leaf.

    Returns:
        (leaves, periods), >= 0, summing to ``total`` wherever a group sells at all.
    """
    now = np.zeros_like(total)
    np.add.at(now, code, leaves)
    result: Floats = leaves * np.where(now > 0, total / np.maximum(now, 1e-12), 1.0)[code]
    return result

"""Goods: the catalogue and the SKU pyramid, sellable quota, lots."""

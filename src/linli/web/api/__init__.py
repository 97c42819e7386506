"""The API: what programs call."""

ORDERS_PATH = "/api/v1/orders"
"""Where orders are placed: the one address with a door of its own (`fast_orders`)."""

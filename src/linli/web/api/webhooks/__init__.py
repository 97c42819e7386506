"""Webhooks: facts of the log, sent to whoever subscribed, signed, until they are understood."""

"""Web: console (operator), leader and shop (phone), api."""

"""Plan: deciding for goods, from what insight knows."""

"""Pure mathematics: frames in, frames out.

Nothing in here reads a clock, a setting, a file it was not handed or a database, and no random
number is drawn without a seed that the caller gave, so that the same call trains, backtests and
serves.
"""

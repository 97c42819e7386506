"""People: communities, groups (1+N), leaders, members, roles, consent."""

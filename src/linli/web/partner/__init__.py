"""A partner's own page: redeeming vouchers at its desk, with a link and no account."""

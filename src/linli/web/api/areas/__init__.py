"""The areas of the API, in the order in which its pages list them."""

from linli.web.api.areas import (
    aftersale,
    catalog,
    communities,
    exports,
    groups,
    kits,
    knowledge,
    members,
    money,
    orders,
    partners,
    payments,
    pickups,
    promotions,
    settling,
    trade_in,
    webhooks,
)
from linli.web.api.operations import Area

AREAS: tuple[Area, ...] = (
    catalog.area,
    kits.area,
    communities.area,
    members.area,
    groups.area,
    promotions.area,
    orders.area,
    pickups.area,
    aftersale.area,
    money.area,
    payments.area,
    partners.area,
    settling.area,
    trade_in.area,
    knowledge.playbooks_area,
    knowledge.metrics_area,
    webhooks.area,
    exports.area,
)

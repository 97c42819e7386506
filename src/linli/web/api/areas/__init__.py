"""The areas of the API, in the order in which its pages list them."""

from linli.web.api.areas import (
    aftersale,
    catalog,
    communities,
    exports,
    groups,
    knowledge,
    members,
    money,
    orders,
    partners,
    pickups,
    webhooks,
)
from linli.web.api.operations import Area

AREAS: tuple[Area, ...] = (
    catalog.area,
    communities.area,
    members.area,
    groups.area,
    orders.area,
    pickups.area,
    aftersale.area,
    money.area,
    partners.area,
    knowledge.playbooks_area,
    knowledge.metrics_area,
    webhooks.area,
    exports.area,
)

"""The areas of the API, in the order in which its pages list them."""

from linli.web.api.areas import catalog, communities, groups, knowledge, members, orders, pickups, webhooks
from linli.web.api.operations import Area

AREAS: tuple[Area, ...] = (
    catalog.area,
    communities.area,
    members.area,
    groups.area,
    orders.area,
    pickups.area,
    knowledge.playbooks_area,
    knowledge.metrics_area,
    webhooks.area,
)

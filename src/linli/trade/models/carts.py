"""What members have put into their carts: wishes, which hold nothing until they are ordered."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from linli.trade.models.groups import GroupBuy


class CartLine(models.Model):
    """So many pieces of a group-buy in a member's cart, joined or bought alone."""

    region = models.CharField(max_length=32)
    member_id = models.BigIntegerField()
    group = models.ForeignKey(GroupBuy, models.CASCADE, related_name="+")
    solo = models.BooleanField(default=False)
    quantity = models.SmallIntegerField()  # wanted and tolerance together, as in a basket line
    tolerance_pieces = models.SmallIntegerField(default=0)
    team = models.CharField(max_length=36, blank=True)  # "", "new" or the team's id
    chosen = models.BooleanField(default=True)  # goes along at the next checkout
    added_at = models.DateTimeField()  # machine time: the order in which lines stand
    touched_at = models.DateTimeField()  # machine time: what was changed after an order was placed is no part of it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "member_id", "group", "solo"], name="cart_line"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, tolerance_pieces__gte=0, tolerance_pieces__lt=F("quantity")), name="cart_quantity"
            ),
        ]

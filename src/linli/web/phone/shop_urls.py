"""The shop's addresses."""

from django.urls import path

from linli.web.phone import browse, ordering, orders, own

app_name = "shop"
urlpatterns = [
    path("", browse.home, name="home"),
    path("goods/", browse.category, name="all"),
    path("goods/<slug:code>/", browse.category, name="category"),
    path("search/", browse.search, name="search"),
    path("g/<int:group_id>/", browse.product, name="product"),
    path("g/<int:group_id>/order/", ordering.sheet, name="sheet"),
    path("g/<int:group_id>/quote/", ordering.quote, name="quote"),
    path("g/<int:group_id>/place/", ordering.place, name="place"),
    path("orders/", orders.listing, name="orders"),
    path("orders/<uuid:order_id>/", orders.order, name="order"),
    path("orders/<uuid:order_id>/pay/", ordering.pay_again, name="pay"),
    path("orders/<uuid:order_id>/return/", ordering.returned, name="return"),
    path("orders/<uuid:order_id>/waiting/", ordering.waiting, name="waiting"),
    path("orders/<uuid:order_id>/cancel/", orders.cancel, name="cancel"),
    path("coupons/", own.coupons, name="coupons"),
    path("inbox/", own.inbox, name="inbox"),
    path("me/", own.me, name="me"),
    path("me/consent/", own.consent, name="consent"),
]

"""The shop's addresses."""

from django.urls import path

from linli.web.phone import aftersale, browse, cart, ordering, orders, own, paying, wechat

app_name = "shop"
urlpatterns = [
    path("", browse.home, name="home"),
    path("goods/", browse.category, name="all"),
    path("goods/<slug:code>/", browse.category, name="category"),
    path("search/", browse.search, name="search"),
    path("search/suggest/", browse.suggest, name="suggest"),
    path("g/<int:group_id>/", browse.product, name="product"),
    path("g/<int:group_id>/order/", ordering.sheet, name="sheet"),
    path("g/<int:group_id>/quote/", ordering.quote, name="quote"),
    path("g/<int:group_id>/place/", ordering.place, name="place"),
    path("cart/", cart.listing, name="cart"),
    path("cart/put/", cart.put, name="cart-put"),
    path("cart/choose/", cart.choose, name="cart-choose"),
    path("cart/switch/", cart.switch, name="cart-switch"),
    path("cart/clear/", cart.clear, name="cart-clear"),
    path("checkout/", ordering.checkout, name="checkout"),
    path("checkout/quote/", ordering.checkout_quote, name="checkout-quote"),
    path("checkout/place/", ordering.checkout_place, name="checkout-place"),
    path("orders/", orders.listing, name="orders"),
    path("orders/<uuid:order_id>/", orders.order, name="order"),
    path("orders/<uuid:order_id>/pay/", paying.pay_again, name="pay"),
    path("orders/<uuid:order_id>/cashier/", paying.cashier, name="cashier"),
    path("orders/<uuid:order_id>/wechat/", wechat.heard, name="wechat"),
    path("orders/<uuid:order_id>/return/", paying.returned, name="return"),
    path("orders/<uuid:order_id>/waiting/", paying.waiting, name="waiting"),
    path("orders/<uuid:order_id>/again/", orders.again, name="again"),
    path("orders/<uuid:order_id>/cancel/", orders.cancel, name="cancel"),
    path("orders/<uuid:order_id>/ask/<int:line_number>/", aftersale.ask, name="ask"),
    path("orders/<uuid:order_id>/aftersale/", aftersale.of_order, name="aftersale"),
    path("aftersale/<uuid:aftersale_id>/", aftersale.progress, name="aftersale-one"),
    path("aftersale/<uuid:aftersale_id>/withdraw/", aftersale.withdraw, name="aftersale-withdraw"),
    path("coupons/", own.coupons, name="coupons"),
    path("inbox/", own.inbox, name="inbox"),
    path("me/", own.me, name="me"),
    path("me/consent/", own.consent, name="consent"),
]

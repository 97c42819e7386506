"""The rival: django-oscar 4.2, in an environment of its own, as one signed-in POST that fills a basket and places the order.

A real checkout of oscar's is six pages; here it is its own services behind one address, which flatters it: basket with
strategy and stock check, `OrderCreator.place_order`, and the basket submitted. Runs under that environment's Python.

    python rival.py migrate|seed|application        # with RIVAL_DATABASE=port/name
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from decimal import Decimal
from typing import Any

PRODUCTS, BUYERS = 200, 64
DASHBOARD = (  # Shop asks for all of them when it is ready
    *("reports", "users", "orders", "catalogue", "offers", "partners", "pages", "ranges", "reviews", "vouchers"),
    *("communications", "shipping"),
)


def setup() -> None:
    """Oscar's settings, as its docs give them, on PostgreSQL."""
    import django
    from django.conf import settings
    from oscar import defaults

    port, name = os.environ["RIVAL_DATABASE"].split("/")
    apps = [
        *("django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"),
        *("django.contrib.messages", "django.contrib.staticfiles", "django.contrib.sites", "django.contrib.flatpages"),
        *("oscar.config.Shop", "oscar.apps.analytics.apps.AnalyticsConfig", "oscar.apps.checkout.apps.CheckoutConfig"),
        *("oscar.apps.address.apps.AddressConfig", "oscar.apps.shipping.apps.ShippingConfig", "oscar.apps.catalogue.apps.CatalogueConfig"),
        *("oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig", "oscar.apps.communication.apps.CommunicationConfig"),
        *("oscar.apps.partner.apps.PartnerConfig", "oscar.apps.basket.apps.BasketConfig", "oscar.apps.payment.apps.PaymentConfig"),
        *("oscar.apps.offer.apps.OfferConfig", "oscar.apps.order.apps.OrderConfig", "oscar.apps.customer.apps.CustomerConfig"),
        *("oscar.apps.search.apps.SearchConfig", "oscar.apps.voucher.apps.VoucherConfig", "oscar.apps.wishlists.apps.WishlistsConfig"),
        "oscar.apps.dashboard.apps.DashboardConfig",
        *(f"oscar.apps.dashboard.{name}.apps.{name.title()}DashboardConfig" for name in DASHBOARD),
        *("widget_tweaks", "haystack", "treebeard", "django_tables2"),
    ]
    own = {key: getattr(defaults, key) for key in dir(defaults) if key.isupper()}
    settings.configure(
        **own,
        SECRET_KEY="bench",
        SITE_ID=1,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        INSTALLED_APPS=apps,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": name,
                "USER": "postgres",
                "HOST": "127.0.0.1",
                "PORT": port,
                "CONN_MAX_AGE": 600,
            }
        },
    )
    django.setup()


def seed() -> None:
    """Products with plenty of stock, and buyers with sessions; prints the sessions and the products' ids."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore
    from oscar.core.loading import get_model

    kind = get_model("catalogue", "ProductClass").objects.create(name="good", track_stock=True, requires_shipping=False)
    partner = get_model("partner", "Partner").objects.create(name="p")
    ids = []
    for n in range(PRODUCTS):
        product = get_model("catalogue", "Product").objects.create(title=f"good {n}", product_class=kind, structure="standalone")
        get_model("partner", "StockRecord").objects.create(
            product=product, partner=partner, partner_sku=f"s{n}", price=Decimal("7.00"), price_currency="GBP", num_in_stock=10**6
        )
        ids.append(product.pk)
    sessions = []
    for n in range(BUYERS):
        user = get_user_model().objects.create_user(f"b{n}", f"b{n}@example.org", uuid.uuid4().hex)
        store = SessionStore()
        store[SESSION_KEY], store[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
        store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        store.save()
        sessions.append(store.session_key)
    print(json.dumps({"products": ids, "sessions": sessions}))


def place(request: Any) -> Any:
    """Fill a basket and place the order, as oscar's views do it behind six pages."""
    from django.db import connection, transaction
    from django.http import JsonResponse
    from django.test.utils import CaptureQueriesContext
    from oscar.apps.partner.strategy import Selector
    from oscar.core.loading import get_class, get_model

    if not request.user.is_authenticated:
        return JsonResponse({}, status=401)
    wanted = json.loads(request.body)["products"]
    counting = CaptureQueriesContext(connection) if request.GET.get("count") else None
    if counting is not None:
        counting.__enter__()
    with transaction.atomic():
        basket = get_model("basket", "Basket").objects.create(owner=request.user)
        basket.strategy = Selector().strategy(request=request, user=request.user)
        for product in get_model("catalogue", "Product").objects.filter(pk__in=wanted):
            allowed, _ = basket.get_stock_info(product, None).availability.is_purchase_permitted(1), None
            if not allowed[0]:
                return JsonResponse({}, status=409)
            basket.add_product(product, 1)
        get_class("offer.applicator", "Applicator")().apply(basket, request.user, request)
        shipping = get_class("shipping.methods", "NoShippingRequired")()
        cost = shipping.calculate(basket)
        total = get_class("checkout.calculators", "OrderTotalCalculator")().calculate(basket, cost)
        order = get_class("order.utils", "OrderCreator")().place_order(
            basket=basket,
            total=total,
            shipping_method=shipping,
            shipping_charge=cost,
            user=request.user,
            order_number=uuid.uuid4().hex[:20],
        )
        basket.submit()
    told = {"number": order.number}
    if counting is not None:
        counting.__exit__(None, None, None)
        told["statements"] = len(counting)
    return JsonResponse(told, status=201)


if __name__ == "__main__" or os.environ.get("RIVAL_SERVES"):
    setup()
    from django.urls import path

    urlpatterns = [path("order", place)]
    if os.environ.get("RIVAL_SERVES"):
        from django.core.wsgi import get_wsgi_application

        application = get_wsgi_application()
    elif sys.argv[1] == "seed":
        seed()
    else:
        from django.core.management import call_command

        call_command("migrate", verbosity=0)

"""Settings. Everything that differs between machines comes from the environment."""

import os
import secrets
from pathlib import Path

from django.utils.csp import CSP

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent.parent
HOME = Path(os.environ.get("LINLI_HOME", PROJECT / "var")).resolve()


def _own_secret(name: str) -> str:
    """The secret from the environment, or one made once and kept in HOME, readable by its owner only."""
    if value := os.environ.get(f"LINLI_{name.upper()}"):
        return value
    path = HOME / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
                f.write(secrets.token_urlsafe(48))
        except FileExistsError:  # another process of the same start made it first
            pass
    return path.read_text()


SECRET_KEY = _own_secret("secret_key")
SANDBOX = os.environ.get("LINLI_SANDBOX", "1") == "1"
"""True where no real channel is attached: one-time codes show on a page and payments go to the sandbox gateway."""
DEBUG = os.environ.get("LINLI_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("LINLI_HOSTS", "127.0.0.1,localhost,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "linli.kernel",
    "linli.people",
    "linli.goods",
    "linli.trade",
    "linli.fulfil",
    "linli.insight",
    "linli.engage",
    "linli.web",
]
AUTH_USER_MODEL = "people.Person"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "linli.web.access.AccessMiddleware",
]
ROOT_URLCONF = "linli.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "linli.web.context.surface",
            ],
            "builtins": ["linli.web.templatetags.linli"],
        },
    }
]

DATABASE_URL = os.environ.get("LINLI_DATABASE", f"sqlite:///{HOME}/linli.sqlite3")


def database(url: str) -> dict[str, object]:
    """`sqlite:///absolute/path` or `postgresql://user@host:port/name` as a Django DATABASES entry."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "linli.kernel.sqlite3",
            "NAME": parts.path,
            "OPTIONS": {
                # One writer at a time, taken at BEGIN: a read that becomes a write can't fail half-way.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
                " PRAGMA cache_size=-64000; PRAGMA mmap_size=268435456;",
            },
        }
    if parts.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            # Only of prepared statements, which take arrays and look rows up by key: a plan for one order's values looks
            # cheaper than one for any, so that PostgreSQL would plan anew each time, for longer than the statement runs.
            "OPTIONS": {"options": "-c plan_cache_mode=force_generic_plan -c jit=off"},
        }
    raise ValueError(f"LINLI_DATABASE must start with sqlite:/// or postgresql://, not {url!r}")


DATABASES = {"default": database(DATABASE_URL)}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [PACKAGE / "web" / "locale" / part for part in ("shared", "console", "phone", "together")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("LINLI_TIME_ZONE", "Asia/Shanghai")

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = "."  # every address carries its version: nothing ever changes under it
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "linli.web.statics.Versioned"},
}

SESSION_ENGINE = "linli.web.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if os.environ.get("LINLI_HTTPS") == "1":
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}

PUBLIC_URL = os.environ.get("LINLI_PUBLIC_URL", "")
"""Where the shop is reached from outside, as payment channels must reach it (https in earnest)."""
MERCHANTS = {name: value for name, value in os.environ.items() if name.startswith(("LINLI_WECHAT_", "LINLI_ALIPAY_"))}
"""What the operator has set up at payment channels; docs/operators-guide.zh-CN.md names each, `linli pay doctor` checks them."""
MINI_APPID = os.environ.get("LINLI_MINI_APPID", "")
MINI_SECRET = os.environ.get("LINLI_MINI_SECRET", "")
MINI_GATEWAY = os.environ.get("LINLI_MINI_GATEWAY", "https://api.weixin.qq.com")
"""The mini-program that opens the shop inside WeChat, and where its codes are exchanged (`miniprogram/README.md`)."""

GATEWAY_URL = os.environ.get("LINLI_GATEWAY", "http://127.0.0.1:8001")
"""Where the sandbox payment gateway listens."""
GATEWAY_SECRET = _own_secret("gateway_secret")
"""What the sandbox gateway and the shop sign their messages with; the gateway reads the same file."""

API_PER_MINUTE = int(os.environ.get("LINLI_API_PER_MINUTE", "600"))
"""Calls of the API in a minute to each token and person; 0: as many as they like."""
API_ADDRESS_PER_MINUTE = int(os.environ.get("LINLI_API_ADDRESS_PER_MINUTE", "6000"))
"""The same to each address, whoever asks from there."""
API_PROXIES = int(os.environ.get("LINLI_PROXIES", "0"))
"""Proxies in front that add to X-Forwarded-For; 0: the header is believed from nobody."""
API_MOST_BYTES = 1_000_000
API_DEEPEST = 12
"""The largest body of the API, and how deep its JSON may nest."""
WEBHOOK_LOOPBACK = SANDBOX and os.environ.get("LINLI_WEBHOOK_LOOPBACK", "1") == "1"
"""Whether webhooks may go to this machine itself: in the sandbox only, to try them."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    # At INFO it would write the addresses it asks, and WeChat wants the account's secret in one of them.
    "loggers": {"httpx": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LINLI_LOG", "WARNING")},
}

"""Every setting, read once from the environment; `.env.example` lists them all.

Order of precedence: the process environment, then `.env` beside manage.py, then what `make demo`
wrote to `demo.env` in VAR_DIR, then the defaults below.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from kombu.entity import Queue

import providers
from project import pages
from project.environment import caps, dsn, env, key_file, needed, one_of, seconds
from workers import queues

django_stubs_ext.monkeypatch()  # makes Django's generic classes subscriptable at run time
BASE_DIR = Path(__file__).resolve().parent.parent


def read_file(path: Path) -> None:
    """Take NAME=value lines from a file if it is there; what is set already stays."""
    if path.is_file():
        environ.Env.read_env(path)


read_file(BASE_DIR / ".env")
VAR_DIR = Path(env.str("VAR_DIR", default="var"))
VAR_DIR = VAR_DIR if VAR_DIR.is_absolute() else BASE_DIR / VAR_DIR
read_file(VAR_DIR / "demo.env")


# --- the site ---------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = needed("SECRET_KEY", "give it a long random value (`make demo` makes its own).")
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
_TLS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _TLS
SESSION_COOKIE_NAME = "postrider_session"
CSRF_COOKIE_NAME = "postrider_csrf"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _TLS else None
X_FRAME_OPTIONS = "DENY"

# --- files: on the local disk by default, in an S3 if S3_BUCKET is set (docs/media.md) -----------
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default="") or VAR_DIR / "media")
PICTURE_MAX_MB = env.int("PICTURE_MAX_MB", default=30)
PICTURE_MAX_MEGAPIXELS = env.int("PICTURE_MAX_MEGAPIXELS", default=50)
VIDEO_MAX_MB = env.int("VIDEO_MAX_MB", default=500)
SCAN_COMMAND = env.str("SCAN_COMMAND", default="")
S3_BUCKET = env.str("S3_BUCKET", default="")
S3_REGION = env.str("S3_REGION", default="")
S3_ENDPOINT = env.str("S3_ENDPOINT", default="").rstrip("/")
S3_KEY = env.str("S3_KEY", default="")
S3_SECRET = env.str("S3_SECRET", default="")
S3_PREFIX = env.str("S3_PREFIX", default="").strip("/")
S3_ADDRESSING = one_of("S3_ADDRESSING", "auto", "path", "virtual", default="auto")
S3_UPLOADS = one_of("S3_UPLOADS", "post", "put", default="post")
if min(PICTURE_MAX_MB, PICTURE_MAX_MEGAPIXELS, VIDEO_MAX_MB) < 1:
    raise ImproperlyConfigured(
        "PICTURE_MAX_MB, PICTURE_MAX_MEGAPIXELS and VIDEO_MAX_MB are at least 1."
    )
if S3_BUCKET and bool(S3_KEY) != bool(S3_SECRET):
    raise ImproperlyConfigured("S3_KEY and S3_SECRET belong together: set both, or neither.")
if S3_BUCKET and not (S3_REGION or S3_ENDPOINT):
    raise ImproperlyConfigured("S3_REGION is not set; with S3_BUCKET it says where the bucket is.")
if S3_ENDPOINT and not re.fullmatch(r"https?://[^/?#\s]+", S3_ENDPOINT):
    raise ImproperlyConfigured("S3_ENDPOINT must be like https://host or https://host:port.")


def _store_origins() -> list[str]:
    """Where browsers send files to: the bucket's own host, or the endpoint with it in the path."""
    if not S3_BUCKET:
        return []
    if S3_ENDPOINT:
        scheme, _, host = S3_ENDPOINT.partition("://")
        return [S3_ENDPOINT, f"{scheme}://{S3_BUCKET}.{host}"]
    places = ("s3", f"s3.{S3_REGION}")
    hosts = [f"{before}{place}" for place in places for before in (f"{S3_BUCKET}.", "")]
    return [f"https://{host}.amazonaws.com" for host in hosts]


ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
INSTALLED_APPS = [
    "project.apps.ProjectConfig",
    "accounts.apps.AccountsConfig",
    "tokens.apps.TokensConfig",
    "posting.apps.PostingConfig",
    "workers.apps.WorkersConfig",
    "django_celery_beat",
    "django_celery_results",
    "django_htmx",
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "project.log.CorrelationMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "project.swaps.SwapMiddleware",
]
TEMPLATES: list[dict[str, Any]] = pages.templates()
COTTON_ISOLATE_BY_DEFAULT = True  # a component knows its attributes, not the page around it
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
_MANIFEST = "collectstatic" in sys.argv or (STATIC_ROOT / "staticfiles.json").exists()
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "integrations.storage.s3.Bucket",
        "OPTIONS": {
            "uploads": S3_UPLOADS,
            "bucket_name": S3_BUCKET,
            "region_name": S3_REGION or "auto",
            "endpoint_url": S3_ENDPOINT or None,
            "access_key": S3_KEY or None,
            "secret_key": S3_SECRET or None,
            "location": S3_PREFIX,
            "addressing_style": S3_ADDRESSING,
        },
    }
    if S3_BUCKET
    else {"BACKEND": "integrations.storage.disk.Disk", "OPTIONS": {"location": MEDIA_ROOT}},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _MANIFEST
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not _MANIFEST

# --- people -----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]

# --- time -------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"

# --- the database: SQLite by default, PostgreSQL by DATABASE_URL -------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'postrider.sqlite3'}")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_DATABASE = DATABASES["default"]
_DATABASE["CONN_HEALTH_CHECKS"] = True
if _DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets readers and one writer work at once; IMMEDIATE takes the write lock at BEGIN, so
    # that a transaction waits for its turn instead of failing half-way; FULL survives power cuts.
    _DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
elif _DATABASE["ENGINE"] == "django.db.backends.postgresql":
    # Celery closes its connection after every task; a pool makes that cheap under threads.
    _DATABASE["OPTIONS"] = {
        **_DATABASE.get("OPTIONS", {}),
        "pool": {
            "min_size": 1,
            "max_size": env.int("DATABASE_POOL_SIZE", default=32),
            "timeout": 10,
        },
    }
else:
    raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:/// or postgres://.")

# --- networks ---------------------------------------------------------------------------------
PROVIDER_OPTIONS: dict[str, dict[str, str]] = {
    name: {s.name: env.str(s.name, default=s.default) for s in providers.adapter(name).settings}
    for name in providers.names()
}
TRUSTED_ORIGINS = env.list("TRUSTED_ORIGINS", default=[])
STORAGE_ORIGINS = _store_origins()  # where browsers send uploads and fetch pictures besides here
CONTENT_SECURITY_POLICY = pages.policy(trusted=TRUSTED_ORIGINS, storage=STORAGE_ORIGINS)
PRACTICE_URL = env.str("PRACTICE_URL", default="")
FLOWER_URL = env.str("FLOWER_URL", default="")
TOKEN_KEYS_FILE = env.str("TOKEN_KEYS_FILE", default="")
TOKEN_KEYS = key_file(TOKEN_KEYS_FILE) or needed(
    "TOKEN_KEYS", "make one with `python -m tokens.vault`, or name a file in TOKEN_KEYS_FILE."
)
HTTP_CONNECT_S = seconds("HTTP_CONNECT_S", default=5)
HTTP_READ_S = seconds("HTTP_READ_S", default=30)
HTTP_DEADLINE_S = seconds("HTTP_DEADLINE_S", default=45)

# --- the engine -------------------------------------------------------------------------------
LEASE_S = seconds("LEASE_S", default=100)
SETTLE_S = env.str("SETTLE_S", default="")
BELL_PATIENCE_S = seconds("BELL_PATIENCE_S", default=15)
DISPATCH_EVERY_S = seconds("DISPATCH_EVERY_S", default=0.25)
DISPATCH_LOOK_S = seconds("DISPATCH_LOOK_S", default=1)
RETRY_BASE_S = seconds("RETRY_BASE_S", default=2)
RETRY_CAP_S = seconds("RETRY_CAP_S", default=900)
LATE_S = seconds("LATE_S", default=3600)
PROCESSING_ENDS_S = seconds("PROCESSING_ENDS_S", default=86400)
MAX_ATTEMPTS = env.int("MAX_ATTEMPTS", default=8)
ACCOUNT_SHARE = env.int("ACCOUNT_SHARE", default=50)
PROVIDER_SHARE = env.int("PROVIDER_SHARE", default=200)
POSTS_PER_MINUTE = env.int("POSTS_PER_MINUTE", default=30)
BREAKER_AFTER = env.int("BREAKER_AFTER", default=5)
BREAKER_FIRST_S = seconds("BREAKER_FIRST_S", default=30)
BREAKER_CAP_S = seconds("BREAKER_CAP_S", default=600)
CAPS = caps(env.list("CAPS", default=[]))
if min(ACCOUNT_SHARE, PROVIDER_SHARE, BREAKER_AFTER) < 1:
    raise ImproperlyConfigured("ACCOUNT_SHARE, PROVIDER_SHARE and BREAKER_AFTER are at least 1.")
if POSTS_PER_MINUTE < 0:
    raise ImproperlyConfigured("POSTS_PER_MINUTE is at least 0, which is no limit.")
if LEASE_S < 2 * HTTP_DEADLINE_S + 5:
    raise ImproperlyConfigured("LEASE_S must be at least twice HTTP_DEADLINE_S plus 5 seconds.")

# --- signs of life and alarms -----------------------------------------------------------------
CANARY_S = seconds("CANARY_S", default=10)
STALL_S = seconds("STALL_S", default=120)
if STALL_S < HTTP_DEADLINE_S + 3 * CANARY_S:
    raise ImproperlyConfigured("STALL_S must be at least HTTP_DEADLINE_S plus three times CANARY_S")
QUIET_LIMIT_S = seconds("QUIET_LIMIT_S", default=60)
OVERDUE_LIMIT_S = seconds("OVERDUE_LIMIT_S", default=60)
TROUBLE_LIMIT_S = seconds("TROUBLE_LIMIT_S", default=900)
WATCH_EVERY_S = seconds("WATCH_EVERY_S", default=10)
ALARM_REPEAT_S = seconds("ALARM_REPEAT_S", default=3600)
ALARM_EMAIL = env.list("ALARM_EMAIL", default=[])
ALARM_WEBHOOK = env.str("ALARM_WEBHOOK", default="")
ALARM_PING_URL = env.str("ALARM_PING_URL", default="")
EMAIL_HOST = env.str("EMAIL_HOST", default="")
NOTICE_MAIL = bool(EMAIL_HOST)  # people are mailed only where somebody has named a server
EMAIL_HOST = EMAIL_HOST or "127.0.0.1"
NOTICE_MAIL_EVERY_S = env.int("NOTICE_MAIL_EVERY_S", default=900)
if NOTICE_MAIL_EVERY_S < 0:
    raise ImproperlyConfigured("NOTICE_MAIL_EVERY_S is at least 0.")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 10
SERVER_EMAIL = DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="postrider@localhost")


# --- Celery: each value with its reason in docs/operating.md -----------------------------------
def _redis_url() -> str:
    """REDIS_URL, else the embedded server whose port `make demo` left in VAR_DIR."""
    port = VAR_DIR / "redis.port"
    remembered = port.read_text().strip() if port.exists() else "6379"
    return str(env.str("REDIS_URL", default=f"redis://127.0.0.1:{remembered}/0"))


REDIS_URL = _redis_url()
CACHES = {
    "default": {
        "BACKEND": "project.cache.Cache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "postrider:cache",
        "OPTIONS": {"socket_connect_timeout": 0.25, "socket_timeout": 0.25},
    }
}
BROKER_URL = env.str("BROKER_URL", default="") or REDIS_URL
_RABBIT = BROKER_URL.startswith(("amqp://", "amqps://", "pyamqp://"))
if not _RABBIT and not BROKER_URL.startswith(("redis://", "rediss://")):
    raise ImproperlyConfigured("BROKER_URL must begin with redis:// or amqp:// (or with TLS).")
CELERY_BROKER_URL = BROKER_URL
# For those who publish: one more try and then the row waits; consumers have a rule of their own.
_ONE_TRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    # The broker says that it has a message on its disk; one that says nothing is not waited for.
    {"confirm_publish": True, "read_timeout": 10, "write_timeout": 10, **_ONE_TRY}
    if _RABBIT
    else {
        "global_keyprefix": "postrider:",
        "visibility_timeout": 300,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 30,
        "socket_timeout": 10,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
        **_ONE_TRY,
    }
)
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_HEARTBEAT = 30
# Quorum queues know no limit for a whole channel: each consumer gets its own.
CELERY_WORKER_DETECT_QUORUM_QUEUES = True
# Celery makes 28 queues for delays as soon as it sees a quorum queue; no task here is delayed.
CELERY_BROKER_NATIVE_DELAYED_DELIVERY_QUEUE_TYPE = "classic"
_QUEUE_ARGUMENTS = {"x-queue-type": "quorum"} if _RABBIT else None
CELERY_VISIBILITY_TIMEOUT = 300
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_LIMIT = 20
# A connection to Redis opens itself anew; one to RabbitMQ stays dead unless it is tried again.
CELERY_TASK_PUBLISH_RETRY = _RABBIT
CELERY_TASK_PUBLISH_RETRY_POLICY = _ONE_TRY
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = queues.HOUSEKEEPING
CELERY_TASK_DEFAULT_EXCHANGE = "postrider"
CELERY_TASK_QUEUES = [
    Queue(name, routing_key=name, queue_arguments=_QUEUE_ARGUMENTS)  # type: ignore[no-untyped-call]
    for name in queues.LANES
]
CELERY_TASK_ROUTES = queues.ROUTES
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = 3 * 24 * 3600
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_ETA_TASK_LIMIT = 100
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_DIRECT = True
CELERY_BEAT_SCHEDULER = "workers.clock:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- logs -------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlation": {"()": "project.log.CorrelationFilter"}},
    "formatters": {"plain": {"()": "project.log.RedactingFormatter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["correlation"],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"handlers": ["console"], "propagate": False},
        "kombu": {"level": "WARNING"},
        "kombu.transport.native_delayed_delivery": {"level": "ERROR"},  # no task is delayed
        "flower": {"level": "ERROR"},
        "celery.redirected": {"level": "WARNING"},
    },
}
SENTRY_DSN = dsn("SENTRY_DSN")  # an error tracker; "": none (docs/operating.md)
SENTRY_ENVIRONMENT = env.str("SENTRY_ENVIRONMENT", default="production")
SENTRY_RELEASE = env.str("SENTRY_RELEASE", default="")
if SENTRY_DSN:  # here and not in project/tracker.py: a second django.setup() reads LOGGING again
    _EVENTS = "sentry_sdk.integrations.logging.EventHandler"
    LOGGING["handlers"]["tracker"] = {"class": _EVENTS, "level": "ERROR"}
    LOGGING["root"]["handlers"].append("tracker")
os.makedirs(VAR_DIR, exist_ok=True)

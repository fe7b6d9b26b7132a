"""Forgotten passwords."""

import hashlib

from crm.notify.mail import send_mail as deliver


def token(email, secret):
    return hashlib.sha256((secret + email).encode()).hexdigest()[:16]


def request_reset(email, secret="s"):
    deliver(email, "Reset your password", token(email, secret))

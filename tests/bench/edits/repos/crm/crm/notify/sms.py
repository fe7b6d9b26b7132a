"""Short messages."""

SENT = []


def send_sms(phone, text):
    SENT.append((phone, text[:160]))

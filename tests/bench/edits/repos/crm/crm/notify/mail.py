"""Mail, kept in memory until a transport takes it."""

OUTBOX = []


def send_mail(to, subject, body):
    OUTBOX.append((to, subject, body))


def resend_mail(index):
    to, subject, body = OUTBOX[index]
    send_mail(to, "Again: " + subject, body)

import unittest

from crm.auth.reset import request_reset
from crm.notify import mail
from crm.notify.mail import resend_mail
from crm.tickets.desk import Desk


class MailTest(unittest.TestCase):
    def setUp(self):
        mail.OUTBOX.clear()

    def test_send_mail(self):
        mail.send_mail("a@x.org", "Hello", "you")
        resend_mail(0)
        self.assertEqual(mail.OUTBOX[1], ("a@x.org", "Again: Hello", "you"))

    def test_desk_and_reset(self):
        desk = Desk()
        desk.close(desk.report("a@x.org", "broken"))
        request_reset("a@x.org")
        self.assertEqual(len(mail.OUTBOX), 3)

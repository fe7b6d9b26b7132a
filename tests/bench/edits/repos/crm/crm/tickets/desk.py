"""The help desk."""

from crm.notify import mail


class Desk:
    def __init__(self):
        self.open = {}

    def report(self, customer, text):
        number = len(self.open) + 1
        self.open[number] = (customer, text)
        mail.send_mail(customer, f"Ticket {number}", text)
        return number

    def close(self, number):
        customer, _ = self.open.pop(number)
        mail.send_mail(customer, f"Ticket {number} is closed", "")

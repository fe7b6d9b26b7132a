"""Numbers of invoices."""


class InvoiceNumberGenerator:
    def __init__(self, prefix="R"):
        self.prefix = prefix
        self.count = 0

    def next(self):
        number = f"{self.prefix}{self.count:05d}"
        self.count += 1
        return number

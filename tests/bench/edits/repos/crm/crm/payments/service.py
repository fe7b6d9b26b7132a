"""What can be done with payments."""

from crm.payments.models import Payment
from crm.payments.repository import PaymentRepository
from crm.payments.validators import validate_payment


class PaymentService:
    def __init__(self, repository=None):
        self.repository = repository or PaymentRepository()
        self._next = 1

    def create(self, amount, method, reference):
        payment = Payment(self._next, amount, method, reference)
        problems = validate_payment(payment)
        if problems:
            raise ValueError(", ".join(problems))
        self._next += 1
        self.repository.save(payment)
        return payment

    def remove(self, id):
        self.repository.delete(id)

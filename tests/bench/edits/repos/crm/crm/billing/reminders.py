"""Reminders of invoices that are overdue."""

from crm.notify.mail import send_mail


def reminder_text(invoice):
    return f"Invoice {invoice.number} was due on {invoice.due_date()}."


def remind(invoice, to, today):
    if not invoice.is_overdue(today):
        return False
    send_mail(to, "Reminder", reminder_text(invoice))
    return True

from ledger.money import format_amount


def balances(book):
    """One line for each account, in the order of their names."""
    lines = []
    for name in sorted(book.accounts):
        lines.append(f"{name}: {format_amount(book.get(name).balance)}")
    return "\n".join(lines)


def statement(account, count=10):
    lines = [f"Statement of {account.name}"]
    for amount, note in account.history(count):
        lines.append(f"{format_amount(amount):>16} {note}")
    return "\n".join(lines)

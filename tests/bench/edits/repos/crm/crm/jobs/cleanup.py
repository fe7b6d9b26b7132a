"""Removes what is old."""


def cleanup(rows, keep):
    removed = rows[:-keep] if keep else list(rows)
    for row in removed:
        print("removing", row)
    return rows[len(removed) :]

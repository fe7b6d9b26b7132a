"""The digest of the day."""


def digest(names):
    print(f"digest of {len(names)} names")
    return ", ".join(sorted(names))

from sizes import human, largest, total


def report(sizes):
    """A few lines about the sizes of files."""
    return "\n".join([f"{len(sizes)} files", f"total {human(total(sizes))}", f"largest {', '.join(human(size) for size in largest(sizes))}"])

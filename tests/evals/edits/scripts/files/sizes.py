def human(size):
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.0f} GiB"




def total(sizes):
    return sum(sizes)






def largest(sizes, count=3):
    return sorted(sizes, reverse=True)[:count]

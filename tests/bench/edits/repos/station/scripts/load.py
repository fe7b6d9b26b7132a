"""Print how many sensors of each kind a CSV file lists."""

import csv
import sys


def count_kinds(path):
    counts = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            counts[row["kind"]] = counts.get(row["kind"], 0) + 1
    return counts


def main():
    for kind, count in sorted(count_kinds(sys.argv[1]).items()):
        print(kind, count)


if __name__ == "__main__":
    main()

"""All that runs at night."""

from crm.jobs.cleanup import cleanup
from crm.jobs.digest import digest


def nightly(rows, names):
    rows = cleanup(rows, keep=2)
    text = digest(names)
    print("nightly jobs are done")
    return rows, text

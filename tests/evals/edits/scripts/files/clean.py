"""Removes old files."""

import os
import time


def old_files(folder, days):   
    limit = time.time() - days * 86400
    for name in sorted(os.listdir(folder)):  
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.path.getmtime(path) < limit:
            yield path


def clean(folder, days=30):
    for path in old_files(folder, days):
        os.remove(path)	

"""Writes what CPython's symtable says of the files that are named on standard input.

For each file `F path`, and for each scope in it `S index parent kind line name` and for each name in the scope
`N home name`, where `home` is the index of the scope that gives the name its meaning (0 is the file's, and that of
built-in names). Without arguments, the files of the standard library are listed instead.
"""

import _symtable
import os
import symtable
import sys
import sysconfig
import warnings


def library():
    top = sysconfig.get_paths()["stdlib"]
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(f for f in folders if f not in ("site-packages", "dist-packages", "__pycache__"))
        for name in sorted(files):
            if name.endswith(".py"):
                print(os.path.join(folder, name))


def has(table, name):
    return table.lookup(name)._Symbol__scope in (_symtable.LOCAL, _symtable.CELL)


def home(scopes, index, name):
    """The scope of the function around a scope that has a free name."""
    index = scopes[index][1]
    while index is not None:
        table = scopes[index][0]
        if table.get_type() != "class" and name in table.get_identifiers() and has(table, name):
            return index
        index = scopes[index][1]
    return None


def describe(path):
    with open(path, "rb") as file:
        text = file.read()
    try:
        top = symtable.symtable(text, path, "exec")
        text.decode("utf-8")
    except (SyntaxError, ValueError, RecursionError, UnicodeDecodeError):
        return
    print("F", path)
    scopes, left = [], [(top, None)]
    while left:
        table, parent = left.pop()
        index = len(scopes)
        scopes.append((table, parent))
        print("S", index, -1 if parent is None else parent, table.get_type(), table.get_lineno(), table.get_name())
        left.extend((child, index) for child in reversed(table.get_children()))
    for index, (table, _) in enumerate(scopes):
        for name in sorted(table.get_identifiers()):
            symbol = table.lookup(name)
            # `is_global` takes a function with the name `top` for a module.
            scope = symbol._Symbol__scope
            if scope == _symtable.FREE:
                where = home(scopes, index, name)
            elif scope in (_symtable.GLOBAL_IMPLICIT, _symtable.GLOBAL_EXPLICIT):
                where = 0
            else:
                where = index
            print("N", index, -1 if where is None else where, name)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(20000)
    if sys.argv[1:] == ["list"]:
        library()
    else:
        for line in sys.stdin:
            describe(line.rstrip("\n"))

//! The modules that come with Python.

/// The standard library's modules.
const STANDARD: &str = "abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 calendar cmath cmd code \
    codecs codeop collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg csv ctypes \
    curses dataclasses datetime dbm decimal difflib dis doctest email encodings ensurepip enum errno faulthandler fcntl \
    filecmp fileinput fnmatch fractions ftplib functools gc getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac \
    html http imaplib importlib inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox marshal \
    math mimetypes mmap modulefinder multiprocessing netrc ntpath numbers opcode operator optparse os pathlib pdb pickle \
    pickletools pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc queue \
    quopri random re reprlib resource runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket \
    socketserver sqlite3 ssl stat statistics string stringprep struct subprocess symtable sys sysconfig syslog tabnanny \
    tarfile tempfile termios textwrap threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty \
    turtle types typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser winreg wsgiref xml xmlrpc \
    zipapp zipfile zipimport zlib zoneinfo";

/// Whether a module is one of Python's standard library.
#[must_use]
pub fn is_python_standard(module: &str) -> bool {
    let first = module.split('.').next().unwrap_or_default();
    STANDARD.split_whitespace().any(|name| name == first)
}

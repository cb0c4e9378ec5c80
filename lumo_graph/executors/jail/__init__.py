"""What contains a session: namespaces, Landlock, a system call filter, dropped privileges and resource limits.

Everything here runs in a forked, single-threaded child before any code of a session does. It needs the standard
library only.
"""

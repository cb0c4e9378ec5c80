"""The rows of the attack matrix, in the words of somebody who wants to know what code could do."""

ROWS = {
    "read": "Reading your files, credentials and environment variables",
    "write": "Making, changing or removing your files",
    "details": "Finding out which paths and processes exist; changing times and permissions of your files it may read",
    "processes": "Signalling, debugging or slowing your processes",
    "programs": "Starting programs, gaining rights, fragile parts of the kernel",
    "network": "The network, and sockets of other programs",
    "memory": "More memory than the limit, in one process or many",
    "disk": "More disk than the limit, in one file or many",
    "spawn": "Fork bombs, and processes that outlive their session",
    "time": "Code that will not stop, output without end",
    "interpreter": "Tampering with the interpreter that runs the code",
    "channel": "Forged messages, results and tool calls; broken streams",
    "values": "Values, errors and saved variables that attack whoever looks at them",
    "results": "Tool results that pose as code, answers or observations",
}
"""Row of an attack to what it says."""

"""The child's half of a session. It imports the standard library, msgpack and cloudpickle, not the host's half."""

"""The child's half of a session. It imports the standard library, msgpack and cloudpickle, and nothing of the host's."""

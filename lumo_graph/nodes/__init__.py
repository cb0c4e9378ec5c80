"""The nodes of the agent, one file each. A node returns updates; where to go next is decided in `nodes.routes`."""

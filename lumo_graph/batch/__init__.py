"""Many tasks, each a run with a thread of its own, spread over processes or machines: `batch.map(tasks, model)`."""

from lumo_graph.batch.mapping import BatchOptions, amap, map  # noqa: A004 - used as batch.map
from lumo_graph.batch.results import BatchResult, Progress
from lumo_graph.batch.tasks import BatchTask

__all__ = ["BatchOptions", "BatchResult", "BatchTask", "Progress", "amap", "map"]

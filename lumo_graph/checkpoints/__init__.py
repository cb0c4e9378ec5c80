"""Where threads are stored: how a store is opened, listed and pruned, and who may write to a thread of it."""

from lumo_graph.checkpoints.leases import ahold_thread as ahold_thread
from lumo_graph.checkpoints.leases import hold_thread as hold_thread
from lumo_graph.checkpoints.opening import Checkpointer as Checkpointer
from lumo_graph.checkpoints.opening import aopen_checkpointer as aopen_checkpointer
from lumo_graph.checkpoints.opening import open_checkpointer as open_checkpointer
from lumo_graph.checkpoints.pruning import PrunedThread as PrunedThread
from lumo_graph.checkpoints.pruning import delete_thread as delete_thread
from lumo_graph.checkpoints.pruning import prune_threads as prune_threads
from lumo_graph.checkpoints.threads import ThreadSummary as ThreadSummary
from lumo_graph.checkpoints.threads import list_threads as list_threads
from lumo_graph.checkpoints.urls import shown_url as shown_url

"""Where threads are stored: how a store is opened, and what can be done with the threads in it."""

from lumo_graph.checkpoints.differences import Difference as Difference
from lumo_graph.checkpoints.differences import ThreadDifference as ThreadDifference
from lumo_graph.checkpoints.differences import adiff_thread as adiff_thread
from lumo_graph.checkpoints.differences import diff_thread as diff_thread
from lumo_graph.checkpoints.forks import Fork as Fork
from lumo_graph.checkpoints.forks import afork_thread as afork_thread
from lumo_graph.checkpoints.forks import fork_thread as fork_thread
from lumo_graph.checkpoints.history import CheckpointSummary as CheckpointSummary
from lumo_graph.checkpoints.history import alist_checkpoints as alist_checkpoints
from lumo_graph.checkpoints.history import list_checkpoints as list_checkpoints
from lumo_graph.checkpoints.leases import ahold_thread as ahold_thread
from lumo_graph.checkpoints.leases import hold_thread as hold_thread
from lumo_graph.checkpoints.opening import Checkpointer as Checkpointer
from lumo_graph.checkpoints.opening import aopen_checkpointer as aopen_checkpointer
from lumo_graph.checkpoints.opening import open_checkpointer as open_checkpointer
from lumo_graph.checkpoints.pruning import PrunedThread as PrunedThread
from lumo_graph.checkpoints.pruning import adelete_thread as adelete_thread
from lumo_graph.checkpoints.pruning import aprune_threads as aprune_threads
from lumo_graph.checkpoints.pruning import delete_thread as delete_thread
from lumo_graph.checkpoints.pruning import prune_threads as prune_threads
from lumo_graph.checkpoints.threads import ThreadSummary as ThreadSummary
from lumo_graph.checkpoints.threads import check_thread as check_thread
from lumo_graph.checkpoints.threads import list_threads as list_threads
from lumo_graph.checkpoints.unfinished import alist_unfinished as alist_unfinished
from lumo_graph.checkpoints.unfinished import list_unfinished as list_unfinished
from lumo_graph.checkpoints.urls import shown_url as shown_url

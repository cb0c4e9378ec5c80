"""New processes without the seconds that importing takes: forked from one that has done nothing else."""

import multiprocessing

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.durability.worker", "tests.chaos.host"])

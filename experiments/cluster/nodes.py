"""A Ray cluster of this machine, whose nodes can be killed."""

import atexit
import random
from typing import Any

from retrieval.collection.workers import ray_actors

STORE = {"object_store_memory": 80 * 2**20}


class Nodes:
    """A head that works nothing, and nodes of one worker each; this process is connected.

    Attributes:
        killed: How many nodes were.
    """

    def __init__(self, size: int) -> None:
        """Start so many nodes, and connect."""
        ray = ray_actors.load()
        from ray.cluster_utils import Cluster  # noqa: PLC0415  an extra

        self.killed = 0
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": ray_actors.PATIENT}
        self._cluster = Cluster(initialize_head=True, head_node_args=head | STORE)
        self._nodes: list[Any] = [self._cluster.add_node(num_cpus=1, **STORE) for _ in range(size)]
        self._cluster.wait_for_nodes()
        ray.init(address=self._cluster.address, log_to_driver=False, logging_level="ERROR")
        atexit.register(self._cluster.shutdown)

    def kill(self) -> None:
        """End all processes of some node by SIGKILL; a new one joins in its place."""
        node = self._nodes.pop(random.randrange(len(self._nodes)))  # noqa: S311  no secret
        self._cluster.remove_node(node, allow_graceful=False)
        self.killed += 1
        self._nodes.append(self._cluster.add_node(num_cpus=1, **STORE))

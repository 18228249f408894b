"""The servers of a cluster that `up --cluster` starts on this machine.

What uses them has the same settings as on a real cluster: KAFKA_BOOTSTRAP, STREAM_MASTER, STORE
and the like. These are of the servers themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from include.setting_fields import COUNT, Secret, setting
from include.setting_kinds import Amount, Memory, YesOrNo

YES = "yes"
BROKERS, WORKERS = 3, 2


@dataclass(frozen=True)
class ClusterSettings:
    """A cluster's servers on this machine: three brokers, Spark, an object store."""

    start: YesOrNo = setting(
        "", "`yes` lets `up` start a cluster's servers, as `up --cluster` does"
    )
    worker_cores: Amount = setting(4, "task slots of each of the two Spark workers", COUNT)
    worker_memory: Memory = setting("1536m", "memory that a Spark worker gives to executors")
    spark_secret: Secret = setting(
        Secret(""), "secret that Spark's master, workers and drivers share; generated"
    )

    @property
    def is_started(self) -> bool:
        """Whether `up` starts a cluster's servers."""
        return self.start == YES


@dataclass(frozen=True)
class ClusterPorts:
    """The ports of a cluster's servers, one after the other from `first` on."""

    first: int

    def broker(self, number: int) -> int:
        """Where clients reach a broker, from 1 on."""
        return self.first + number - 1

    def controller(self, number: int) -> int:
        """Where the other brokers reach a broker's controller."""
        return self.first + BROKERS + number - 1

    @property
    def spark_master(self) -> int:
        """Spark's master."""
        return self.first + 2 * BROKERS

    @property
    def spark_master_ui(self) -> int:
        """The master's page."""
        return self.spark_master + 1

    def spark_worker_ui(self, number: int) -> int:
        """The page of a worker, from 1 on."""
        return self.spark_master_ui + number

    @property
    def object_store(self) -> int:
        """The object store."""
        return self.spark_master_ui + WORKERS + 1

    def __iter__(self) -> Iterator[int]:
        """Every port."""
        return iter(range(self.first, self.object_store + 1))

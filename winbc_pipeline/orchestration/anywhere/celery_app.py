"""Celery as launchers and workers use it: names, and what makes a task go to one free worker, once."""

from typing import Any

from celery import Celery
from redis import Redis
from redis.exceptions import RedisError

TASK = "winbc.run"
"""The task that executes a run: the name of its connection, its id, and the version of the program that sent it."""
ANSWER_S = 2.0  # that the Redis server has to say how many tasks wait
CONFIG: dict[str, Any] = {
    "task_ignore_result": True,
    # A task is acknowledged when it begins. That of a killed worker is not delivered again: Dagster repeats the run.
    "task_acks_late": False,
    # A worker takes no task before it can begin it: another one may be free.
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    # Each run has a process of its own, forked from one that has everything loaded.
    "worker_max_tasks_per_child": 1,
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # a run does not need the broker
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": 10,  # within two minutes; then the worker ends, and is started again
    "broker_transport_options": {"visibility_timeout": 86_400, "socket_keepalive": True, "socket_connect_timeout": 10},
}


def queue_of(version: str, connection: str) -> str:
    """The queue of a connection and a version of the program: no worker listens that has another one, or serves it not.

    Who took a task that is not his would lose it: its run would count as failed after some minutes.
    """
    return f"winbc.{version[:12]}.{connection}"


def waiting(broker: str, version: str) -> int | None:
    """How many tasks, of all connections, no worker of a version has taken; None when Redis does not answer."""
    try:
        with Redis.from_url(broker, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S) as client:
            return sum(int(client.llen(queue)) for queue in client.scan_iter(queue_of(version, "*")))
    except RedisError:
        return None


def celery_app(broker: str) -> Celery:
    """Celery with a Redis server as its broker."""
    app = Celery("winbc", broker=broker, set_as_current=False)
    app.conf.update(CONFIG)
    return app

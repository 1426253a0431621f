"""What a running service is made of, shared by its endpoints."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from service.galleries import ServedCollection, ServedCollections
from service.jobs import Jobs
from service.metrics import ServiceMetrics
from service.problems import ProblemError
from service.settings import ServiceSettings
from service.worker import DrawingWorker


@dataclass(slots=True, eq=False)
class ServiceState:
    """What a running service is made of.

    Attributes:
        streams: How many listen to jobs.
    """

    settings: ServiceSettings
    collections: ServedCollections
    worker: DrawingWorker
    metrics: ServiceMetrics
    jobs: Jobs
    streams: int = 0


def state_of(request: Request) -> ServiceState:
    """Return the state of the service that was asked."""
    return cast("ServiceState", request.app.state.service)


State = Annotated[ServiceState, Depends(state_of)]
CollectionName = Annotated[
    str | None, Query(description="Which collection. Default: the first", max_length=255)
]


def collection_of(state: State, collection: CollectionName = None) -> ServedCollection:
    """Return the collection that a request names, or the first.

    Raises:
        ProblemError: There is none of that name.
    """
    return state.collections.get(collection)


Collection = Annotated[ServedCollection, Depends(collection_of)]


def require_changes(state: State) -> None:
    """Refuse changes of a service that only reads.

    Raises:
        ProblemError: It does.
    """
    if state.settings.read_only:
        raise ProblemError(403, "read_only", "This service was started with --read-only")


Changes = Depends(require_changes)

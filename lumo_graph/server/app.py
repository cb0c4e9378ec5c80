"""The server as an ASGI application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.middleware.cors import CORSMiddleware

from lumo_graph.server import run_routes, thread_routes
from lumo_graph.server.answers import OPEN, add_handlers
from lumo_graph.server.bodies import Bodies
from lumo_graph.server.documents import ERRORS
from lumo_graph.server.guard import Guard
from lumo_graph.server.service import opened_service
from lumo_graph.server.settings import Settings

_ABOUT = "Agents that act by writing Python. Lumo's clients work with it as they are."


def create_app(settings: Settings | None = None) -> FastAPI:
    """The server as a FastAPI application, to be served or mounted. Its lifespan opens and closes what it uses.

    Args:
        settings: what the operator decides; `Settings()` unless given.

    Raises:
        ConfigurationError: a setting cannot be used; a store or a tool that cannot is said when the app starts.
    """
    chosen = settings or Settings()
    app = FastAPI(
        title="lumo_graph",
        description=_ABOUT,
        version=_version(),
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(chosen),
    )
    app.include_router(run_routes.router)
    app.include_router(thread_routes.router)
    app.add_api_route(OPEN, _health, methods=["GET"], response_class=Response, tags=["server"])
    app.add_api_route(OPEN, _health, methods=["HEAD"], response_class=Response, include_in_schema=False)
    if chosen.metrics:
        from lumo_graph.tracing.exposing import expose_metrics  # noqa: PLC0415 - needs a package of its own

        read = _metrics(expose_metrics())
        app.add_api_route("/metrics", read, response_class=Response, tags=["server"], responses={401: ERRORS[401]})
    add_handlers(app)
    app.add_middleware(Bodies, most=chosen.max_body_bytes, seconds=chosen.body_seconds)
    app.add_middleware(Guard, api_key=chosen.api_key, hosts=chosen.allowed_hosts)
    if chosen.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(chosen.cors_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    return app


def _lifespan(settings: Settings) -> Any:
    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncGenerator[None, None]:
        async with opened_service(settings) as service:
            app.state.service = service
            yield

    return opened


async def _health() -> Response:
    """Whether the server is up."""
    return Response()


def _metrics(read: Any) -> Any:
    async def metrics() -> Response:
        """The figures of the runs, for Prometheus."""
        text, media_type = read()
        return Response(text, media_type=media_type)

    return metrics


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - nothing else needs it

    try:
        return version("lumo-graph")
    except PackageNotFoundError:
        return "0"

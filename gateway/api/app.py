"""The FastAPI application: its routes, error handlers and OpenAPI document."""

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import Response

from gateway.api import problems
from gateway.api.dependencies import PREFIX, Services
from gateway.api.openapi import describe
from gateway.api.parameters import known_queries
from gateway.api.paths import WholeNames
from gateway.api.routes import ROUTERS

_OPENAPI = f"{PREFIX}/openapi.json"
_PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data: https://fastapi.tiangolo.com; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net"
)


def create_api(services: Services | None = None, *, docs: bool = False) -> FastAPI:
    """Return the API; without services it can only produce its OpenAPI document.

    With `docs` there is a page at /docs to try it. Its scripts come from another site, so it is for development.
    """
    api = FastAPI(version="1.0.0", docs_url=None, redoc_url=None, openapi_url=_OPENAPI, redirect_slashes=False)
    for router in ROUTERS:
        api.include_router(router, prefix=PREFIX)
    if docs:
        api.add_api_route("/docs", _page, include_in_schema=False)
    api.add_middleware(WholeNames)
    problems.install(api)
    describe(api)
    api.state.known_queries = known_queries(api, PREFIX)
    api.state.services = services
    return api


async def _page() -> Response:
    page = get_swagger_ui_html(openapi_url=_OPENAPI, title="Structures")
    page.headers["Content-Security-Policy"] = _PAGE_POLICY
    return page

"""The simulator's application: INSEE's two plans, its token endpoint, and `/_simulator/…` to control it."""

from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from dev.insee import driving, register
from dev.insee.gateway import Refusal
from dev.insee.simulator import Simulator

PUBLIC = "/api-sirene/3.11"
PRIVATE = "/api-sirene/prive/3.11"
TOKEN = "/auth/realms/apim-gravitee/protocol/openid-connect/token"  # noqa: S105 - a path, no secret.


def create_app(simulator: Simulator) -> FastAPI:
    """Return the simulator's application."""
    app = FastAPI(title="INSEE simulator", docs_url=None, redoc_url=None)

    @app.exception_handler(Refusal)
    async def refuse(_: Request, refusal: Refusal) -> Response:
        return refusal.response

    @app.post(TOKEN)
    async def token(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        made = simulator.make_token(form)
        if made is None:
            return JSONResponse({"error": "invalid_grant", "error_description": "Invalid user credentials"}, 401)
        return JSONResponse({"access_token": made, "expires_in": simulator.token_seconds, "token_type": "Bearer"})

    app.include_router(register.routes(simulator, "public"), prefix=PUBLIC)
    app.include_router(register.routes(simulator, "private"), prefix=PRIVATE)
    app.include_router(driving.routes(simulator), prefix="/_simulator")
    return app

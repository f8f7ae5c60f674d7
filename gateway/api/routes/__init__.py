"""The routes: one file a resource. A route parses the call, runs one use case or query and returns its result."""

from gateway.api.routes import changes, codes, events, insee, me, members, requests, structures, users

ROUTERS = (
    structures.router,
    changes.router,
    requests.router,
    events.router,
    members.router,
    users.router,
    me.router,
    insee.router,
    codes.router,
)

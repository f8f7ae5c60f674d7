"""The routes: one file a resource. A route reads what it is asked, asks one question and shows the answer."""

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

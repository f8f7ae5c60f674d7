# One image for every process: `docker run … services.structure_svc` names the one to run.
# The last stage is the default; `--target development` adds the issuer, the INSEE simulator and the demo data of dev/.

FROM python:3.13-slim AS build
COPY requirements/run.txt /tmp/
# Only wheels: nothing is compiled, so no compiler is needed, here nor later.
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r /tmp/run.txt
WORKDIR /app
COPY shared shared
COPY services services
COPY gateway gateway
COPY ops ops
# Bytecode is made here: the file system is read-only where the image runs.
RUN python -m compileall -q .

FROM python:3.13-slim AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HTTP_HOST=0.0.0.0 HTTP_PORT=8100 API_HOST=0.0.0.0
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
# Nothing in the image belongs to this user, who has no name, no home and no password.
USER 10001:10001
ENTRYPOINT ["python", "-m"]

FROM base AS development
COPY dev dev

FROM base AS production

# Two stages: an environment with the locked dependencies and our wheel, then that alone.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/tidings
COPY requirements.lock .
RUN /opt/tidings/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY templates templates
COPY config config
RUN /opt/tidings/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/tidings tidings
COPY --from=build /opt/tidings /opt/tidings
ENV PATH=/opt/tidings/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TIDINGS_DATABASE__URL=sqlite:////var/lib/tidings/tidings.db \
    TIDINGS_MAIL__FOLDER=/var/lib/tidings/outbox \
    TIDINGS_WEB__HOST=0.0.0.0 \
    TIDINGS_WEB__PORT=8000 \
    TIDINGS_LOG__FORMAT=json
USER tidings
WORKDIR /var/lib/tidings
VOLUME /var/lib/tidings
EXPOSE 8000
# An opener without proxies: the environment may name one, and the question is for this machine.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import os, urllib.request as web; web.build_opener(web.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['TIDINGS_WEB__PORT'] + '/health/live', timeout=4)"]
CMD ["tidings", "run"]

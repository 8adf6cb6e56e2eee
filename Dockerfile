FROM python:3.12-slim AS build
WORKDIR /src
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml requirements.lock requirements-run.lock README.md LICENSE ./
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && python -m venv /opt/switchboard \
 && /opt/switchboard/bin/pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY channels channels
COPY rules rules
COPY router router
RUN HATCH_BUILD_HOOK_ENABLE_MYPYC=1 /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/switchboard/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:3.12-slim
COPY --from=build /opt/switchboard /opt/switchboard
RUN useradd --system --uid 10001 --create-home switchboard \
 && install --directory --owner switchboard --mode 700 /data
USER switchboard
VOLUME /data
EXPOSE 8080 2525
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["/opt/switchboard/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["/opt/switchboard/bin/switchboard"]
CMD ["serve", "--config", "/config"]

# The product as a job: it runs once and ends. docs/other-ways.md tells who can start it, and how.
#
# The base is a tag and no digest, so that building again brings a system that has been mended since.
# Whoever wants the same image twice gives the digest: --build-arg BASE=python@sha256:…
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS made
WORKDIR /made
COPY requirements.txt requirements-cli.txt ./
# Wheels only, each with the hash in the lock: no code of a package runs here.
RUN ["python", "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "--no-compile", "--target", "packages", "--requirement", "requirements.txt", "--requirement", "requirements-cli.txt"]
COPY rotation app/rotation
# The file system of a job is read-only, so what Python would keep is made here.
RUN ["python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "packages", "app"]

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pat-rotation" \
      org.opencontainers.image.description="Rotates Azure DevOps personal access tokens kept in Azure Key Vault" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# With the packages come their own records (*.dist-info), from which tools make a bill of materials.
COPY --from=made /made/packages /packages
COPY --from=made /made/app /app
ENV PYTHONPATH=/packages \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
# As the first process of a container, Python would not hear SIGTERM. Ctrl-C it hears: a run
# finishes the secrets that it has begun.
STOPSIGNAL SIGINT
# A job is healthy if it ends with 0. To see whether it could, start the command "doctor".
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "rotation"]
CMD ["run"]

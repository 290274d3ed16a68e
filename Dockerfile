# Two images: `muster` (all Muster and Airflow services) and `drop` (the SFTP server people put files on).
# Both base images are pinned by tag. To pin one by digest, read it with
#   docker buildx imagetools inspect python:3.12-slim-bookworm
# and build with --build-arg PYTHON_IMAGE=python:3.12-slim-bookworm@sha256:<digest>.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim


FROM ${PYTHON_IMAGE} AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /opt/muster
COPY config/uv.lock.txt config/uv.lock.txt
RUN python -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --require-hashes -r config/uv.lock.txt
COPY requirements.lock ./
# Wheels only: nothing is compiled, here or later.
RUN python -m venv --without-pip .venv \
 && uv pip install --no-cache --quiet --python .venv/bin/python --only-binary :all: --require-hashes \
      --compile-bytecode -r requirements.lock
COPY pyproject.toml README.md ./
COPY formats formats
COPY jobs jobs
COPY adapters adapters
COPY app app
COPY simulator simulator
COPY dags dags
COPY plugins plugins
COPY config/container config/container
RUN uv pip install --no-cache --quiet --python .venv/bin/python --no-deps --no-build-isolation -e . \
 && .venv/bin/python -m compileall -q formats jobs adapters app simulator


FROM ${PYTHON_IMAGE} AS muster
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gnupg openssh-client \
 && rm -rf /var/lib/apt/lists/*
# Named volumes take owner and mode from these folders at their first use.
RUN groupadd --gid 50000 muster \
 && useradd --uid 50000 --gid 50000 --home-dir /var/lib/airflow --no-create-home --shell /usr/sbin/nologin muster \
 && install -d -o muster -g muster -m 0700 /muster /muster/simulator /var/lib/airflow /var/log/airflow \
 && install -d /muster/inbox \
 && install -d -o muster -g muster -m 2770 /muster/inbox/orders /muster/inbox/uploads
COPY --from=build /opt/muster /opt/muster
ENV PATH=/opt/muster/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MUSTER_HOME=/muster \
    AIRFLOW_HOME=/var/lib/airflow
WORKDIR /opt/muster
USER 50000:50000
CMD ["muster", "--help"]


FROM ${DEBIAN_IMAGE} AS drop
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openssh-server openssh-sftp-server \
 && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_*
# `*` as password: no password fits, and yet sshd does not take the account for a locked one.
RUN groupadd --gid 50000 muster \
 && useradd --uid 50001 --gid 50000 --home-dir / --no-create-home --shell /usr/sbin/nologin --password '*' drop \
 && install -d /run/sshd /srv/drop \
 && install -d -m 0700 /var/lib/drop \
 && install -d -o 50000 -g 50000 -m 2770 /srv/drop/orders /srv/drop/uploads
COPY config/container/sshd_config /etc/ssh/sshd_config
COPY config/container/drop.sh /usr/local/bin/drop
CMD ["/usr/local/bin/drop"]

# The image holds the same Debian package that a server installs. Its arguments are dynakvd's:
#   docker run -p 6660:6660 dynakv 0.0.0.0:6660
#   docker run -p 6661:6660 dynakv 0.0.0.0:6660 node1:6660
FROM debian:bookworm-slim AS build
COPY cmake/install-dependencies.sh /src/cmake/install-dependencies.sh
RUN /src/cmake/install-dependencies.sh build package && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN cd /src \
    && cmake --preset package -DDYNAKV_BUILD_ADMIN=OFF \
    && cmake --build --preset package \
    && cd build/package && cpack && mv dynakv-server_*.deb /dynakv-server.deb

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="DynaKV" \
      org.opencontainers.image.description="One node of a DynaKV cluster" \
      org.opencontainers.image.licenses="GPL-3.0-or-later"
# A fixed user id, made before the package would choose one, so that volumes keep their owner
# from one image to the next.
COPY --from=build /dynakv-server.deb /tmp/dynakv-server.deb
RUN groupadd --system --gid 10001 dynakv \
    && useradd --system --uid 10001 --gid dynakv --home-dir /var/lib/dynakv --no-create-home \
        --shell /usr/sbin/nologin dynakv \
    && apt-get update \
    && apt-get install -y --no-install-recommends /tmp/dynakv-server.deb \
    && rm -rf /var/lib/apt/lists/* /tmp/dynakv-server.deb
# A container that listens on its loopback only cannot be reached at all; dynakvd warns about the
# rest at each start. Publish its ports only on a network you trust.
ENV DYNAKV_DATA_DIR=/var/lib/dynakv \
    DYNAKV_INSECURE_ALLOW_REMOTE=1
USER 10001:10001
WORKDIR /var/lib/dynakv
VOLUME /var/lib/dynakv
EXPOSE 6660 16660
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/usr/bin/dynakvd", "health"]
# The program only: arguments given to `docker run` replace the default address, they do not follow it.
ENTRYPOINT ["/usr/bin/dynakvd"]
CMD ["0.0.0.0:6660"]

# Command line, collector and libproxymeter.so, for the chart in k8s/ and for
# containers on virtual machines:
#   docker build -t registry.example/proxymeter:0.1.0 .

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts/install-packages scripts/
RUN scripts/install-packages --build
COPY . .
RUN cmake --preset release -DBUILD_TESTING=OFF \
 && cmake --build --preset release --target proxymeter proxymeter_shim \
 && cmake --install build/release --component program --prefix /out --strip

# Not smaller than Debian: the init container needs install(1) and a shell.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      libc-ares2 \
      libcpp-httplib0.11 \
      libfmt9 \
      libgcc-s1 \
      libmnl0 \
      libprometheus-cpp-core1.0 \
      libpsl5 \
      libre2-9 \
      libspdlog1.10 \
      libsqlite3-0 \
      libssl3 \
      libstdc++6 \
      libyaml-cpp0.7 \
      zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/bin/proxymeter /usr/local/bin/proxymeter
COPY --from=build /out/lib/libproxymeter.so /usr/local/lib/libproxymeter.so
USER 65532:65532
EXPOSE 9099
ENTRYPOINT ["/usr/local/bin/proxymeter"]
CMD ["--help"]

# The steps mirror `.ci/run` (packages of the AOT toolchain, publish), which runs on every change: keep the two alike.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
RUN apt-get update && apt-get install -y --no-install-recommends clang zlib1g-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN dotnet publish src/Cli -c Release -r linux-x64 -p:PublishAot=true -o /out

# No shell, no package manager; brings libc and libssl, which is all that the binary links to.
FROM mcr.microsoft.com/dotnet/runtime-deps:10.0-noble-chiseled
COPY --from=build /out/kpn /usr/local/bin/kpn
COPY --from=build /source/config /usr/share/kpn/config
# The diagnostics port would write a socket to /tmp: without it the root file system can be read-only.
ENV DOTNET_EnableDiagnostics=0
WORKDIR /usr/share/kpn
USER 65532:65532
EXPOSE 8080 9901
ENTRYPOINT ["/usr/local/bin/kpn"]

# The image of the daemon: one static binary on nothing.
#
#   docker build .                              builds from source
#   docker build --build-arg BINARY=prebuilt .  takes bin/linux-<arch>/ovhcloud-csi-provider
#
# The certificate authorities are in the binary (golang.org/x/crypto/x509roots).
ARG BINARY=source

# TARGETOS and TARGETARCH have no default: it would override the platform of the build.
FROM --platform=$BUILDPLATFORM golang:1.26 AS source
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY . .
# The version of the binary is read from the repository.
RUN git config --global --add safe.directory /src \
 && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -tags grpcnotrace -ldflags='-s -w' -o /ovhcloud-csi-provider ./cmd/ovhcloud-csi-provider

FROM scratch AS prebuilt
ARG TARGETARCH
COPY bin/linux-$TARGETARCH/ovhcloud-csi-provider /ovhcloud-csi-provider

FROM $BINARY AS binary

FROM scratch
COPY --from=binary /ovhcloud-csi-provider /ovhcloud-csi-provider
ENTRYPOINT ["/ovhcloud-csi-provider"]

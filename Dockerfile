# SPDX-License-Identifier: Apache-2.0
#
# The image of the daemon: one static binary on nothing, and licences. make release builds the same without docker.
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
    go build -trimpath -tags grpcnotrace -ldflags='-s -w' -o /image/ovhcloud-csi-provider ./cmd/ovhcloud-csi-provider \
 && mkdir /image/licenses && cp LICENSE THIRD_PARTY_NOTICES /image/licenses/

FROM scratch AS prebuilt
ARG TARGETARCH
COPY bin/linux-$TARGETARCH/ovhcloud-csi-provider /image/ovhcloud-csi-provider
COPY LICENSE THIRD_PARTY_NOTICES /image/licenses/

FROM $BINARY AS binary

FROM scratch
COPY --from=binary /image/ /
LABEL org.opencontainers.image.title=ovhcloud-csi-provider \
      org.opencontainers.image.description="OVHcloud provider for the Secrets Store CSI driver" \
      org.opencontainers.image.licenses=Apache-2.0
# Go overwrites memory when it collects it, so that no old values and tokens stay there (docs/security.md).
ENV GODEBUG=clobberfree=1
ENTRYPOINT ["/ovhcloud-csi-provider"]

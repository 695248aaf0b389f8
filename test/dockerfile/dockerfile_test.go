// SPDX-License-Identifier: Apache-2.0

package dockerfile

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// builder is the platform that `docker build` runs on.
var builder = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

// resolver replaces a registry. It returns the same image for every name and platform, and records the requests.
type resolver struct{ asked []string }

func (r *resolver) ResolveSourceMetadata(_ context.Context, op *pb.SourceOp,
	opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	platform := *opt.ImageOpt.Platform
	r.asked = append(r.asked, op.Identifier+" "+platform.OS+"/"+platform.Architecture)
	// BuildKit treats an image without a layer as scratch.
	config, err := json.Marshal(ocispecs.Image{Platform: platform,
		RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString("layer")}}})
	if err != nil {
		return nil, err
	}
	image := &sourceresolver.ResolveImageResponse{Digest: digest.FromBytes(config), Config: config}
	return &sourceresolver.MetaResponse{Op: op, Image: image}, nil
}

// plan is BuildKit's plan for one target platform.
type plan struct {
	ops   []*pb.Op
	asked []string // the requested images, each with its platform
	image ocispecs.Platform
}

// convert returns BuildKit's plan of the product's Dockerfile.
func convert(t *testing.T, target ocispecs.Platform, arguments map[string]string) plan {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	images := &resolver{}
	state, image, _, _, err := dockerfile2llb.Dockerfile2LLB(t.Context(), text, dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{BuildArgs: arguments, BuildPlatforms: []ocispecs.Platform{builder}},
		TargetPlatform: &target,
		MetaResolver:   sourceresolver.NewImageMetaResolver(images),
	})
	if err != nil {
		t.Fatal(err)
	}
	definition, err := state.Marshal(t.Context(), llb.Platform(target))
	if err != nil {
		t.Fatal(err)
	}
	p := plan{asked: images.asked, image: image.Platform}
	for _, data := range definition.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(data); err != nil {
			t.Fatal(err)
		}
		p.ops = append(p.ops, op)
	}
	return p
}

// A default of TARGETARCH in a stage overrides the platform's value: the image for arm64 would contain a binary for
// amd64.
func TestBinaryFromSourceIsForTheTargetPlatform(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			p := convert(t, ocispecs.Platform{OS: "linux", Architecture: arch}, nil)
			if p.image.Architecture != arch || p.image.OS != "linux" {
				t.Errorf("the image is for %s/%s, want linux/%s", p.image.OS, p.image.Architecture, arch)
			}
			if len(p.asked) != 1 || !strings.Contains(p.asked[0], "library/golang:") ||
				!strings.HasSuffix(p.asked[0], " linux/amd64") {
				t.Errorf("the requested images are %q, want only golang, for the platform of the builder, linux/amd64", p.asked)
			}
			builds := 0
			for _, op := range p.ops {
				exec := op.GetExec()
				if exec == nil || !strings.Contains(strings.Join(exec.Meta.Args, " "), "go build") {
					continue
				}
				builds++
				if op.Platform.Architecture != builder.Architecture {
					t.Errorf("the compiler runs on %s, want the builder's %s: it would be emulated", op.Platform.Architecture,
						builder.Architecture)
				}
				for _, want := range []string{"TARGETARCH=" + arch, "TARGETOS=linux"} {
					if !slices.Contains(exec.Meta.Env, want) {
						t.Errorf("the environment of the build is %q, want it to contain %s", exec.Meta.Env, want)
					}
				}
				if command := strings.Join(exec.Meta.Args, " "); !strings.Contains(command, "GOOS=$TARGETOS GOARCH=$TARGETARCH ") {
					t.Errorf("the build is %q, want GOOS=$TARGETOS GOARCH=$TARGETARCH", command)
				}
			}
			if builds != 1 {
				t.Errorf("there are %d builds, want one", builds)
			}
		})
	}
}

func TestPrebuiltBinaryIsForTheTargetPlatform(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			p := convert(t, ocispecs.Platform{OS: "linux", Architecture: arch}, map[string]string{"BINARY": "prebuilt"})
			if len(p.asked) != 0 {
				t.Errorf("the requested images are %q, want none", p.asked)
			}
			var copied []string
			for _, op := range p.ops {
				for _, action := range op.GetFile().GetActions() {
					copied = append(copied, action.GetCopy().GetSrc())
				}
			}
			if want := "/bin/linux-" + arch + "/ovhcloud-csi-provider"; !slices.Contains(copied, want) {
				t.Errorf("the copied files are %q, want them to contain %s", copied, want)
			}
		})
	}
}

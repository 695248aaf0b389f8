package server

import (
	"testing"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"
)

func TestNothingThatIsNotNeededIsHeld(t *testing.T) {
	in := &pb.MountRequest{Attributes: `{"objects":"x","` + attributeTokens + `":"planted"}`, Secrets: `{"token":"t","other":"planted","` + attributeTokens + `":"planted"}`}
	req, err := decode(in)
	if err != nil {
		t.Fatal(err)
	}
	if in.Attributes != "" || in.Secrets != "" {
		t.Error("the request is held twice")
	}
	if len(req.Attributes) != 1 || len(req.Credentials) != 2 || req.Credentials["token"].Len() != 1 || req.Credentials["other"].Len() != 0 {
		t.Errorf("%v, %d credentials, other of %d bytes", req.Attributes, len(req.Credentials), req.Credentials["other"].Len())
	}
}

// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/json"
	"io/fs"
	"strconv"
	"strings"

	pb "sigs.k8s.io/secrets-store-csi-driver/provider/v1alpha1"

	"ovhcloud-csi-provider/provider"
	"ovhcloud-csi-provider/provider/class"
	"ovhcloud-csi-provider/provider/failure"
)

// attributeTokens is where the driver puts the pod's service account tokens. The
// provider does not use them and drops them at once.
const attributeTokens = "csi.storage.k8s.io/serviceAccount.tokens"

// Attributes that are read before a request is decoded.
const (
	attributeNamespace = "csi.storage.k8s.io/pod.namespace"
	attributeClass     = "secretProviderClass"
)

// maxAttributes bounds the parameters of a mount in bytes. Those of the class that this
// provider uses may take half of it.
const maxAttributes = 1 << 20

const attributesTooLong = "attributes is not a text of 1 MiB at most; the parameters of the class or of the pod's " +
	"volume are too long"

// quickAttribute returns an attribute without decoding the others, which may take long:
// the namespace must be known before. It returns "" if it does not find the attribute.
//
// In the driver's JSON, which has no white space, a key is preceded by a brace or a
// comma, and a quote within a key or a value by a backslash. So nothing that a pod's
// author writes can pass for an attribute. receive checks the namespace again when the
// request is decoded.
func quickAttribute(attributes, name string) string {
	for _, before := range []string{"{", ","} {
		_, rest, found := strings.Cut(attributes, before+`"`+name+`":"`)
		if !found {
			continue
		}
		value, _, closed := strings.Cut(rest, `"`)
		if closed && len(value) <= 253 && !strings.ContainsRune(value, '\\') {
			return strings.Clone(value)
		}
	}
	return ""
}

// classOf returns the class of a request that is not decoded, for a message.
func classOf(in *pb.MountRequest) string {
	return quickAttribute(in.GetAttributes(), attributeNamespace) + "/" +
		quickAttribute(in.GetAttributes(), attributeClass)
}

// wrongRequest returns the error for a request that cannot be served.
func wrongRequest(class, what string) error {
	return &failure.Error{Class: class, Failures: []failure.Failure{{Kind: failure.Invalid, Object: failure.WholeClass,
		Where: "the driver's request", What: what}}}
}

// decode parses the driver's JSON texts and keeps what a mount needs of them. Errors do
// not quote them.
func decode(in *pb.MountRequest) (provider.Request, error) {
	defer func() { in.Attributes, in.Secrets = "", "" }()
	name := classOf(in)
	var req provider.Request
	fail := func(field, want string) error { return wrongRequest(name, field+" is not "+want) }
	if len(in.GetAttributes()) > maxAttributes {
		return req, wrongRequest(name, attributesTooLong)
	}
	if json.Unmarshal([]byte(in.GetAttributes()), &req.Attributes) != nil || req.Attributes == nil {
		return req, fail("attributes", "a JSON object of strings")
	}
	delete(req.Attributes, attributeTokens)
	req.Attributes = class.KnownAttributes(req.Attributes)
	if text := in.GetSecrets(); text != "" {
		if json.Unmarshal([]byte(text), &req.Credentials) != nil {
			return req, fail("secrets", "a JSON object of strings")
		}
		delete(req.Credentials, attributeTokens)
		req.Credentials = req.Credentials.Known()
	}
	req.Target = in.GetTargetPath()
	if text := strings.TrimSpace(in.GetPermission()); text != "" {
		mode, err := strconv.ParseUint(text, 10, 32)
		if err != nil || mode > 0o777 {
			return req, fail("permission", "a file mode in decimal")
		}
		req.Mode = fs.FileMode(mode)
	}
	return req, nil
}

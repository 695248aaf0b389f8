// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	defaultOKMSID = "734b9b45-8b1a-469c-b140-b10bd6540017"
	defaultRegion = "eu-west-par"
)

var (
	regionPattern = regexp.MustCompile(`^[a-z0-9-]+$`)
	uuidPattern   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// Options describes an emulator. The zero value is valid.
type Options struct {
	// OKMSID is the UUID of the one domain served; "" means
	// 734b9b45-8b1a-469c-b140-b10bd6540017.
	OKMSID string
	// Region is the domain's region, which is only used in URNs; "" means eu-west-par.
	Region string
	// Now is the clock of secrets, versions and tokens; nil means time.Now.
	// Certificates are always valid in real time, because TLS libraries
	// check them against the real clock.
	Now func() time.Time
	// Log receives one line for each request when it is answered, in the form of OKMS's
	// audit log; nil means none. Only one goroutine at a time writes to it.
	Log io.Writer
	// Switches selects among behaviours that OVHcloud does not document.
	Switches Switches
}

// Switches has a field for each behaviour of OKMS that is inferred. The zero value is the most
// likely behaviour.
type Switches struct {
	// DenialStatus is the HTTP status of an IAM refusal: 401, 403 or 404;
	// 0 means 403. The error_code is always that of an IAM refusal.
	DenialStatus int
	// EmptyListNotFound answers the list of an empty folder with 404, as
	// Vault does, instead of 200 without keys.
	EmptyListNotFound bool
	// NoLookupSelf answers auth/token/lookup-self with 404.
	NoLookupSelf bool
	// StrictVerbs refuses the verbs that only Vault documents: LIST, PUT where
	// OKMS documents POST, POST on destroy.
	StrictVerbs bool
	// ClampPageSize reduces a page size above 100 to 100 instead of refusing it.
	ClampPageSize bool
	// IgnoreUnknownFields accepts request bodies with fields that OKMS does not
	// document, instead of refusing them.
	IgnoreUnknownFields bool
	// PlainDeletedAnswer leaves data.metadata out of the 404 of a deactivated
	// or destroyed version, so it looks like any other 404.
	PlainDeletedAnswer bool
	// DeniedCertificateAlert refuses a client certificate whose identity has
	// no permission at all in the TLS handshake (alert bad_certificate, seen on
	// the live service) instead of with an IAM refusal.
	DeniedCertificateAlert bool
	// IAMDelay is how long it takes after AddToken or IssueCertificate until the
	// permissions of the identity apply, by Options.Now; 30 to 60 s on the live service.
	IAMDelay time.Duration
}

// Emulator is one OKMS domain. It is an http.Handler. Only New returns a usable one. It is safe
// for concurrent use.
type Emulator struct {
	okmsID   string
	region   string
	now      func() time.Time
	switches Switches
	ca       func() *authority // made when it is needed first
	journal  *journal
	faults   *faultList

	mu    sync.Mutex // guards store and iam
	store *store
	iam   *iam

	serversMu sync.Mutex
	servers   map[*Server]struct{} // the running ones, whose connections TLSAlert drops
}

// New returns an empty domain. It starts no goroutine and need not be closed. It fails if OKMSID is
// not a UUID, or if Region or a switch has an invalid value.
func New(o Options) (*Emulator, error) {
	if o.OKMSID == "" {
		o.OKMSID = defaultOKMSID
	}
	if o.Region == "" {
		o.Region = defaultRegion
	}
	if !regionPattern.MatchString(o.Region) {
		return nil, fmt.Errorf("region %q is not a name such as %s", o.Region, defaultRegion)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if !uuidPattern.MatchString(o.OKMSID) {
		return nil, fmt.Errorf("okms id %q is not a UUID", o.OKMSID)
	}
	switch o.Switches.DenialStatus {
	case 0:
		o.Switches.DenialStatus = http.StatusForbidden
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
	default:
		return nil, fmt.Errorf("denial status %d is not 401, 403 or 404", o.Switches.DenialStatus)
	}
	return &Emulator{
		okmsID:   strings.ToLower(o.OKMSID),
		region:   o.Region,
		now:      o.Now,
		switches: o.Switches,
		ca:       sync.OnceValue(newAuthority),
		journal:  newJournal(o.Log),
		faults:   &faultList{},
		store:    newStore(),
		iam:      newIAM(),
		servers:  map[*Server]struct{}{},
	}, nil
}

// OKMSID returns the UUID of the domain, in lower case.
func (e *Emulator) OKMSID() string { return e.okmsID }

// CA returns the emulator's CA certificate as PEM. It signs the servers'
// certificates and the client certificates.
func (e *Emulator) CA() []byte { return e.ca().pem() }

// ServeHTTP answers one request. It completes the journal before it sends the answer, so that a
// client with an answer finds its request there. For faults that truncate an answer it panics
// with http.ErrAbortHandler, as net/http requires.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := e.newCall(r)
	entry := e.journal.arrive(c, r)
	ans, f, err := e.decide(c, w, r)
	e.journal.leave(entry, c, ans.status)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	send(w, r, ans, f)
}

// decide returns the answer to a call, and the fault to apply while it is sent; nil for none. An
// error means that the client or the server has closed the connection.
func (e *Emulator) decide(c *call, w http.ResponseWriter, r *http.Request) (answer, *activeFault, error) {
	if err := c.readBody(w, r); err != nil {
		return c.refuse(err), nil, nil
	}
	f := e.faults.take(c.uri, c.method)
	if f != nil {
		if err := f.hold(r.Context()); err != nil {
			return answer{}, nil, err
		}
	}
	if ans, made := c.faultAnswer(f); made {
		return ans, f, nil
	}
	return e.answer(c), f, nil
}

// answer returns the answer to a call without faults. It checks the domain, then the
// authentication, then the route.
func (e *Emulator) answer(c *call) answer {
	// Read the clock again: a fault may have delayed the call since its arrival.
	c.now = e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	ans, err := c.dispatch()
	if err != nil {
		return c.refuse(err)
	}
	return ans
}

// dispatch selects the route by the escaped path: the path of a secret may contain %2F.
func (c *call) dispatch() (answer, error) {
	if c.path == TokenPath || c.path == NewTokenPath {
		return c.issueToken(), nil
	}
	rest, ok := strings.CutPrefix(c.path, "/api/")
	if !ok {
		return answer{}, errNoRoute(c.method, c.path)
	}
	domain, rest, _ := strings.Cut(rest, "/")
	switch {
	case !uuidPattern.MatchString(domain):
		return answer{}, refusef(http.StatusBadRequest, codeRESTArgument, "okms id is not a UUID")
	case !strings.EqualFold(domain, c.e.okmsID):
		return answer{}, refusef(http.StatusNotFound, codeDomainNotFound, "domain %s not found", domain)
	}
	c.route = "/" + rest
	if c.who.refused != nil {
		return answer{}, c.who.refused
	}
	if v1, ok := strings.CutPrefix(rest, "v1/"); ok {
		return c.v1(v1)
	}
	if v2, ok := strings.CutPrefix(rest, "v2/"); ok {
		return c.v2(v2)
	}
	return answer{}, errNoRoute(c.method, c.route)
}

// SPDX-License-Identifier: Apache-2.0

package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Control returns the handler of the control API, which changes the emulator from another
// process. It has no authentication: do not serve it on a real network.
//
//	GET    /requests            the requests so far; ?await=N waits until N have arrived
//	DELETE /requests            drop them
//	GET    /faults              the faults, with id and how many requests are left
//	POST   /faults              {"status": 503, "times": 3, "path": "prod/"} -> {"id": 1}
//	DELETE /faults              remove all; /faults/{id} removes one
//	PUT    /secrets/{path}      the body is the data -> {"version": 1}; ?raw=true takes any bytes
//	DELETE /secrets/{path}
//	POST   /state               {"path": "prod/x", "version": 1, "state": "deactivated"}
//	POST   /tokens              {"token": "...", "name": "ci", "actions": [...], "paths": [...], "expires": "..."}
//	DELETE /tokens              {"token": "..."}
//	POST   /certificates        {"name": "ci", ...} -> {"certificate": PEM, "key": PEM}
//	POST   /clients             {"clientId": "...", "clientSecret": "...", "name": "ci", ...}
//	GET    /ca.pem
//
// Errors are {"error": "..."} with status 400, or 404 if the object does not exist.
func (e *Emulator) Control() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(w http.ResponseWriter, r *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				controlError(w, err)
			}
		})
	}
	handle("/", func(_ http.ResponseWriter, r *http.Request) error {
		return refusef(http.StatusNotFound, 0, "no route for %s %s", r.Method, r.URL.Path)
	})
	handle("GET /requests", e.controlRequests)
	handle("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) error {
		e.ResetRequests()
		return controlDone(w)
	})
	handle("GET /faults", e.controlFaults)
	handle("POST /faults", e.controlInject)
	handle("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) error {
		e.faults.remove(func(*activeFault) bool { return true })
		return controlDone(w)
	})
	handle("DELETE /faults/{id}", e.controlRemoveFault)
	handle("PUT /secrets/{path...}", e.controlPut)
	handle("DELETE /secrets/{path...}", func(w http.ResponseWriter, r *http.Request) error {
		if err := e.Delete(r.PathValue("path")); err != nil {
			return err
		}
		return controlDone(w)
	})
	handle("POST /state", e.controlState)
	handle("POST /tokens", e.controlAddToken)
	handle("DELETE /tokens", e.controlRevokeToken)
	handle("POST /certificates", e.controlCertificate)
	handle("POST /clients", e.controlAddClient)
	handle("GET /ca.pem", func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(e.CA())
		return nil
	})
	return mux
}

func (e *Emulator) controlRequests(w http.ResponseWriter, r *http.Request) error {
	if text := r.URL.Query().Get("await"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("await=%q is not a number", text)
		}
		if err := e.Await(r.Context(), n); err != nil {
			return err
		}
	}
	return controlAnswer(w, e.Requests())
}

func (e *Emulator) controlFaults(w http.ResponseWriter, _ *http.Request) error {
	type listed struct {
		ID    int    `json:"id"`
		Left  *int   `json:"left"`  // null: no limit, until it is removed
		Fault string `json:"fault"` // in the form of ParseFault
	}
	all := []listed{}
	e.faults.mu.Lock()
	for _, f := range e.faults.all {
		entry := listed{ID: f.id, Fault: f.Fault.String()}
		if f.Times > 0 {
			left := f.left
			entry.Left = &left
		}
		all = append(all, entry)
	}
	e.faults.mu.Unlock()
	return controlAnswer(w, all)
}

func (e *Emulator) controlInject(w http.ResponseWriter, r *http.Request) error {
	raw, err := controlBody(r)
	if err != nil {
		return err
	}
	f, err := decodeFault(raw)
	if err != nil {
		return err
	}
	active, err := e.inject(f)
	if err != nil {
		return err
	}
	return controlAnswer(w, map[string]int{"id": active.id})
}

func (e *Emulator) controlRemoveFault(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if e.faults.remove(func(f *activeFault) bool { return strconv.Itoa(f.id) == id }) == 0 {
		return refusef(http.StatusNotFound, 0, "no fault %s", id)
	}
	return controlDone(w)
}

func (e *Emulator) controlPut(w http.ResponseWriter, r *http.Request) error {
	raw, err := controlBody(r)
	if err != nil {
		return err
	}
	put := e.Put
	if r.URL.Query().Get("raw") == "true" {
		put = e.PutRaw
	}
	version, err := put(r.PathValue("path"), string(raw))
	if err != nil {
		return err
	}
	return controlAnswer(w, map[string]int{"version": version})
}

func (e *Emulator) controlState(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Path    string `json:"path"`
		Version int    `json:"version"` // 0: the current one
		State   State  `json:"state"`
	}
	if err := controlDecode(r, &body); err != nil {
		return err
	}
	if err := e.SetState(body.Path, body.Version, body.State); err != nil {
		return err
	}
	return controlDone(w)
}

// credentialJSON is an identity in the control API and in seeds.
type credentialJSON struct {
	Token        string    `json:"token"`
	ClientID     string    `json:"clientId"`
	ClientSecret string    `json:"clientSecret"`
	Name         string    `json:"name"`
	Actions      []string  `json:"actions"`
	Paths        []string  `json:"paths"`
	Expires      time.Time `json:"expires"`
}

func (c credentialJSON) identity() Identity {
	return Identity{Name: c.Name, Actions: c.Actions, Paths: c.Paths, Expires: c.Expires}
}

func (e *Emulator) controlAddToken(w http.ResponseWriter, r *http.Request) error {
	var body credentialJSON
	if err := controlDecode(r, &body); err != nil {
		return err
	}
	if err := e.AddToken(body.Token, body.identity()); err != nil {
		return err
	}
	return controlDone(w)
}

func (e *Emulator) controlAddClient(w http.ResponseWriter, r *http.Request) error {
	var body credentialJSON
	if err := controlDecode(r, &body); err != nil {
		return err
	}
	if err := e.AddClient(body.ClientID, body.ClientSecret, body.identity()); err != nil {
		return err
	}
	return controlDone(w)
}

func (e *Emulator) controlRevokeToken(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Token string `json:"token"`
	}
	if err := controlDecode(r, &body); err != nil {
		return err
	}
	e.RevokeToken(body.Token)
	return controlDone(w)
}

func (e *Emulator) controlCertificate(w http.ResponseWriter, r *http.Request) error {
	var body credentialJSON
	if err := controlDecode(r, &body); err != nil {
		return err
	}
	if body.Token != "" {
		return errors.New("a certificate has no token")
	}
	cert, key, err := e.IssueCertificate(body.identity())
	if err != nil {
		return err
	}
	return controlAnswer(w, map[string]string{"certificate": string(cert), "key": string(key)})
}

func controlBody(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	return raw, nil
}

func controlDecode(r *http.Request, v any) error {
	raw, err := controlBody(r)
	if err != nil {
		return err
	}
	if err := decodeStrict(raw, v, false); err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	return nil
}

func controlAnswer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return nil // the client has closed the connection; the status is already sent
	}
	return nil
}

func controlDone(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func controlError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if r := (*refusal)(nil); errors.As(err, &r) {
		status = r.status
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // the client may have closed the connection
}

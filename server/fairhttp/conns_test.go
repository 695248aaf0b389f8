// SPDX-License-Identifier: Apache-2.0

package fairhttp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fakeListener accepts the connections that it was given.
type fakeListener struct{ conns chan net.Conn }

func (l fakeListener) Accept() (net.Conn, error) {
	select {
	case c, ok := <-l.conns:
		if ok {
			return c, nil
		}
	default:
	}
	return nil, net.ErrClosed
}
func (l fakeListener) Close() error   { return nil }
func (l fakeListener) Addr() net.Addr { return &net.TCPAddr{} }

// fakeConn is a connection from an address, which counts how often it is closed.
type fakeConn struct {
	net.Conn
	from   string
	closed int
}

func (c *fakeConn) Close() error { c.closed++; return nil }
func (c *fakeConn) RemoteAddr() net.Addr {
	address, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(c.from, "1024"))
	if err != nil {
		panic(err)
	}
	return address
}

// acceptAll accepts one connection from each address. A connection without room is nil
// in admitted.
func acceptAll(t *testing.T, l *adminListener, from ...string) (conns []*fakeConn, admitted []*adminConn) {
	t.Helper()
	for _, address := range from {
		c := &fakeConn{from: address}
		l.Listener = fakeListener{make(chan net.Conn, 1)}
		l.Listener.(fakeListener).conns <- c
		conns = append(conns, c)
		got, err := l.Accept()
		switch {
		case err == nil:
			admitted = append(admitted, got.(*adminConn))
		case errors.Is(err, net.ErrClosed): // the next connection, which there is not
			admitted = append(admitted, nil)
		default:
			t.Fatal(err)
		}
	}
	return conns, admitted
}

func sources(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("10.0.%d.%d", i/200, i%200+1))
	}
	return all
}

func repeated(address string, n int) (all []string) {
	for range n {
		all = append(all, address)
	}
	return all
}

func closed(conns []*fakeConn) (which []int) {
	for i, c := range conns {
		if c.closed > 0 {
			which = append(which, i)
		}
	}
	return which
}

func TestASourceAtItsBoundLosesItsOwnOldestIdleConnection(t *testing.T) {
	l := &adminListener{}
	others, _ := acceptAll(t, l, "10.0.0.1")
	conns, admitted := acceptAll(t, l, repeated("10.0.0.2", maxAdminConnsPerSource)...)
	admitted[0].setBusy(true)
	further, _ := acceptAll(t, l, "10.0.0.2", "10.0.0.2")
	if got := fmt.Sprint(closed(conns), closed(others), closed(further)); got != "[1 2] [] []" {
		t.Errorf("closed %s, want its two oldest idle ones", got)
	}
	if len(l.conns) != 1+maxAdminConnsPerSource {
		t.Errorf("%d connections are open", len(l.conns))
	}
}

func TestAtTheBoundOfAllTheOldestIdleConnectionIsClosed(t *testing.T) {
	l := &adminListener{}
	conns, admitted := acceptAll(t, l, sources(maxAdminConns)...)
	admitted[0].setBusy(true)
	acceptAll(t, l, "192.0.2.1")
	if got := closed(conns); len(got) != 1 || got[0] != 1 {
		t.Errorf("closed %v, want the oldest idle one", got)
	}
	admitted[0].setBusy(false)
	acceptAll(t, l, "192.0.2.2")
	if conns[0].closed != 1 {
		t.Error("a connection whose handler has returned is not evicted")
	}
}

func TestWithoutAnIdleConnectionTheNewOneIsClosed(t *testing.T) {
	l := &adminListener{}
	conns, admitted := acceptAll(t, l, sources(maxAdminConns)...)
	for _, c := range admitted {
		c.setBusy(true)
	}
	further, admittedThen := acceptAll(t, l, "192.0.2.1")
	if admittedThen[0] != nil || further[0].closed != 1 || len(closed(conns)) > 0 {
		t.Errorf("admitted %v, closed %d times, and %v", admittedThen[0], further[0].closed, closed(conns))
	}
	if err := admitted[7].Close(); err != nil {
		t.Fatal(err)
	}
	if _, admittedThen = acceptAll(t, l, "192.0.2.1"); admittedThen[0] == nil {
		t.Error("a connection that was closed still takes room")
	}
}

func TestTheSourcesOfAddresses(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"10.0.0.1", "::ffff:10.0.0.1", true},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%lo", "fe80::2", true},
	} {
		a, b := sourceOf((&fakeConn{from: c.a}).RemoteAddr()), sourceOf((&fakeConn{from: c.b}).RemoteAddr())
		if (a == b) != c.same || !a.IsValid() {
			t.Errorf("%s is of %s, %s of %s", c.a, a, c.b, b)
		}
	}
}

// onPipe serves one connection of the admin address, in memory: time is synctest's.
func onPipe(t *testing.T, handler http.Handler) (client net.Conn) {
	t.Helper()
	ours, client := net.Pipe()
	l := fakeListener{make(chan net.Conn, 1)}
	l.conns <- ours
	admin := New(handler)
	t.Cleanup(func() { _ = admin.Close() })
	_ = admin.Serve(&adminListener{Listener: l}) // it has accepted the connection, and then ends
	return client
}

func TestAHeaderHasOneSecond(t *testing.T) {
	for name, drip := range map[string]string{
		"silent": "",
		"half":   "GET /healthz HTTP/1.1\r\nHost: x\r\n",
		"body":   "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			client := onPipe(t, http.NotFoundHandler())
			begin := time.Now()
			go func() { _, _ = io.WriteString(client, drip) }()
			_, _ = io.Copy(io.Discard, client)
			if took := time.Since(begin); took > time.Second {
				t.Errorf("%s: closed after %s", name, took)
			}
		})
	}
}

func TestADripDoesNotProlongTheSecondOfAHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := onPipe(t, http.NotFoundHandler())
		begin := time.Now()
		go func() { _, _ = io.Copy(io.Discard, client) }() // it is answered 400
		for _, b := range []byte("GET /healthz HTTP/1.1\r\nHost: example\r\n\r\n") {
			if _, err := client.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(begin); took > 1200*time.Millisecond {
			t.Errorf("closed after %s", took)
		}
	})
}

func TestAClientThatDoesNotReadIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, ended := time.Now(), make(chan time.Duration, 1)
		client := onPipe(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
			ended <- time.Since(begin)
		}))
		if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if took := <-ended; took != adminWriteTimeout {
			t.Errorf("its handler ended after %s", took)
		}
	})
}

func TestAWriteEndsAtAnEarlierDeadline(t *testing.T) {
	const early = adminWriteTimeout / 2
	for name, set := range map[string]func(net.Conn){
		"set before": func(c net.Conn) { _ = c.SetWriteDeadline(time.Now().Add(early)) },
		"set meanwhile": func(c net.Conn) {
			time.AfterFunc(early, func() { _ = c.SetWriteDeadline(time.Now()) })
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, client := net.Pipe()
			defer client.Close()
			c := &adminConn{Conn: ours, listener: &adminListener{}}
			begin := time.Now()
			set(c)
			if _, err := c.Write([]byte("x")); err == nil || time.Since(begin) != early {
				t.Errorf("%s: the write ended after %s: %v", name, time.Since(begin), err)
			}
		})
	}
}

func TestAWriteToAClosedConnectionFails(t *testing.T) {
	ours, client := net.Pipe()
	defer client.Close()
	c := &adminConn{Conn: ours, listener: &adminListener{}}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Write([]byte("x")); err == nil {
		t.Errorf("wrote %d bytes", n)
	}
}

// serveOnLoopback serves a handler on a loopback address until the test ends.
func serveOnLoopback(t *testing.T, handler http.HandlerFunc) (l *adminListener, address string) {
	t.Helper()
	l, admin := listen(t), New(handler)
	go func() { _ = admin.Serve(l) }()
	t.Cleanup(func() { _ = admin.Close() })
	return l, l.Addr().String()
}

func listen(t *testing.T) *adminListener {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return Limit(inner).(*adminListener)
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestARunningHandlerKeepsItsConnection(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}), make(chan struct{})
	_, address := serveOnLoopback(t, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-end
		_, _ = io.WriteString(w, "the page")
	})
	oldest := dial(t, address)
	fmt.Fprintf(oldest, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-begun
	idle := dial(t, address)
	for range maxAdminConnsPerSource - 1 {
		dial(t, address)
	}
	if n, err := idle.Read(make([]byte, 1)); err == nil {
		t.Errorf("the oldest idle connection got %d bytes", n)
	}
	close(end)
	resp, err := http.ReadResponse(bufio.NewReader(oldest), nil)
	if err != nil {
		t.Fatalf("the oldest connection was closed while its handler ran: %v", err)
	}
	if page, err := io.ReadAll(resp.Body); err != nil || string(page) != "the page" {
		t.Errorf("the oldest connection, whose handler ran, got %q: %v", page, err)
	}
}

// TestASlowClientGetsTheEndOfItsAnswer: the server has closed the connection before the client reads.
func TestASlowClientGetsTheEndOfItsAnswer(t *testing.T) {
	t.Parallel()
	page := strings.Repeat("x", sendBuffer)
	l, admin, closed := listen(t), New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, page)
	})), make(chan struct{})
	admin.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}
	go func() { _ = admin.Serve(l) }()
	t.Cleanup(func() { _ = admin.Close() })
	c := dial(t, l.Addr().String())
	_ = c.(*net.TCPConn).SetReadBuffer(2 << 10)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-closed
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != page {
		t.Errorf("got %d bytes of %d: %v", len(got), len(page), err)
	}
}

// The kernel would keep the answer after the connection is closed, and no bound would count
// it.
func TestNoUnreadAnswerRemainsAfterTheConnection(t *testing.T) {
	t.Parallel()
	page := bytes.Repeat([]byte("x"), 1<<20)
	served, written := make(chan struct{}), make(chan error, 1)
	l, address := serveOnLoopback(t, func(w http.ResponseWriter, _ *http.Request) {
		close(served)
		_, err := w.Write(page)
		written <- err
	})
	c := dial(t, address)
	_ = c.(*net.TCPConn).SetReadBuffer(2 << 10)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-served
	await(t, func() bool { // before a byte was read
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.conns) == 0
	})
	if err := <-written; err == nil {
		t.Error("the handler has ended: the kernel holds all of the answer")
	}
	if _, err := io.ReadAll(c); err == nil {
		t.Error("the connection ended without an error: the kernel has kept the rest of the answer")
	}
}

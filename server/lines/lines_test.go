// SPDX-License-Identifier: Apache-2.0

package lines

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// reported is the report of these tests.
func reported(lost Lost, err error) []byte {
	return fmt.Appendf(nil, "lost %d and %d: %v\n", lost.Full, lost.Failed, err)
}

// stream is a stream whose writes can be made to fail, after some bytes.
type stream struct {
	mu    sync.Mutex
	text  strings.Builder
	fails bool
	room  int // bytes that are written before a failure
}

var errFull = errors.New("no space left on device")

func (s *stream) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fails {
		return s.text.Write(text)
	}
	n := min(s.room, len(text))
	s.room -= n
	s.text.Write(text[:n])
	return n, errFull
}

func (s *stream) set(fails bool, room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.room = fails, room
}

func (s *stream) want(t *testing.T, want string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.text.String(); got != want {
		t.Errorf("got %.300q, want %.300q", got, want)
	}
}

func TestLinesThatDoNotFitAreCountedAndReported(t *testing.T) {
	q := New(1<<20, reported)
	for i := range maxLines + 3 {
		fmt.Fprintf(q, "line %d\n", i)
	}
	var out stream
	go q.Run(&out)
	q.Close()
	got := out.text.String()
	if !strings.HasPrefix(got, "lost 3 and 0: <nil>\nline 0\n") || strings.Count(got, "\n") != maxLines+1 {
		t.Errorf("got %.200s", got)
	}
	if q.Lost() != (Lost{Full: 3}) {
		t.Errorf("counted %+v", q.Lost())
	}
}

func TestLinesThatWaitAreBoundedInBytes(t *testing.T) {
	line := strings.Repeat("x", 39) + "\n"
	q := New(int64(2*len(line)), reported)
	for range 3 {
		_, _ = q.Write([]byte(line))
	}
	var out stream
	go q.Run(&out)
	q.Close()
	out.want(t, "lost 1 and 0: <nil>\n"+line+line)
	if q.held.Load() != 0 {
		t.Errorf("%d bytes wait", q.held.Load())
	}
}

// TestAFailedWriteIsCountedAndReported: no further line comes after the failure.
func TestAFailedWriteIsCountedAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, out := New(100, reported), &stream{fails: true}
		go q.Run(out)
		defer q.Close()
		for range 2 {
			_, _ = q.Write([]byte("a line\n"))
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		out.want(t, "")
		if q.Lost() != (Lost{Failed: 2}) {
			t.Errorf("counted %+v: a report that fails is no line", q.Lost())
		}
		out.set(false, 0)
		time.Sleep(retryEvery)
		synctest.Wait()
		out.want(t, "lost 0 and 2: no space left on device\n")
		time.Sleep(time.Minute)
		_, _ = q.Write([]byte("a line\n"))
		synctest.Wait()
		out.want(t, "lost 0 and 2: no space left on device\na line\n")
		if q.Lost() != (Lost{Failed: 2}) {
			t.Errorf("counted %+v after the report", q.Lost())
		}
		_, _ = q.Write(make([]byte, 101))
		time.Sleep(retryEvery)
		synctest.Wait()
		out.want(t, "lost 0 and 2: no space left on device\na line\nlost 1 and 0: <nil>\n")
	})
}

// TestALineLargerThanTheQueueIsReported: the stream is idle meanwhile.
func TestALineLargerThanTheQueueIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, out := New(10, reported), &stream{}
		go q.Run(out)
		defer q.Close()
		synctest.Wait()
		_, _ = q.Write([]byte("a line that is too long\n"))
		time.Sleep(retryEvery)
		synctest.Wait()
		out.want(t, "lost 1 and 0: <nil>\n")
	})
}

// TestALineAfterACutOneBeginsOnItsOwnLine: a reader of JSON lines skips the cut one only.
func TestALineAfterACutOneBeginsOnItsOwnLine(t *testing.T) {
	for room, before := range []string{"", "f\n", "fi\n", "fir\n", "firs\n", "first\n", "first\n"} {
		synctest.Test(t, func(t *testing.T) {
			q, out := New(100, reported), &stream{fails: true, room: room}
			go q.Run(out)
			defer q.Close()
			_, _ = q.Write([]byte("first\n"))
			synctest.Wait()
			out.set(false, 0)
			_, _ = q.Write([]byte("second\n"))
			synctest.Wait()
			out.want(t, before+"lost 0 and 1: no space left on device\nsecond\n")
		})
	}
}

func TestCloseReportsWhatWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, out := New(100, reported), &stream{fails: true}
		go q.Run(out)
		_, _ = q.Write([]byte("a line\n"))
		synctest.Wait()
		out.set(false, 0)
		if left := q.Close(); left != 0 {
			t.Errorf("%d lines were left", left)
		}
		out.want(t, "lost 0 and 1: no space left on device\n")
	})
}

// hanging is a stream whose writes do not end until it is closed.
type hanging chan struct{}

func (h hanging) Write(text []byte) (int, error) { <-h; return len(text), nil }

func TestNoWriterWaitsForAStreamThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, out := New(1<<20, reported), make(hanging)
		defer close(out)
		go q.Run(out)
		begin := time.Now()
		for range maxLines + 10 {
			_, _ = q.Write([]byte("a line\n"))
			synctest.Wait()
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("the writers waited for %s", took)
		}
		if got := q.Lost(); got != (Lost{Full: 9}) { // one is being written
			t.Errorf("counted %+v", got)
		}
		left := q.Close()
		if took := time.Since(begin); took != closeWait || left != maxLines+1 {
			t.Errorf("Close took %s and left %d lines, want %s and %d", took, left, closeWait, maxLines+1)
		}
	})
}
